/*
 * rapi.h: the RSVP application programming interface, as The Open Group's Technical Standard C809 has it.
 *
 *     cc program.c -lrsvp            or, with the pkg-config file:  cc program.c $(pkg-config --cflags --libs rsvp)
 *
 * A program tells the RSVP daemon of this machine what it will send, or what it wants to receive and how well, and
 * hears of the network's answers by upcalls. Data travels on ordinary sockets of the program.
 *
 *     sid = rapi_session(...);       opens a session: a destination, its protocol and port
 *     fd  = rapi_getfd(sid);         wait for it to be readable, with select, poll or epoll; do not read it
 *     rapi_sender(sid, ...);         be a sender
 *     rapi_reserve(sid, ...);        reserve for senders that path events told of
 *     rapi_dispatch();               when fd is readable: upcalls, for all sessions, everything that waits
 *     rapi_release(sid);             ends it; so does the end of the program
 *
 * Objects are of variable length: `len` octets, header included, fewer or more than their structure has. Objects of a
 * list follow each other without gaps: After_RAPIObj() gives the next. Any of an upcall's can be copied as a structure;
 * what is behind its `len` means nothing. In upcalls, objects are in Simplified format, or in that of Integrated Services if
 * the session was opened with RAPI_USE_INTSERV; both are taken from the program. Addresses and ports are in network
 * order, everything else as the machine has it. All that an upcall points at is gone when it returns.
 *
 * Threads: any thread may make any call. No lock is held during an upcall, so that calls can be made from inside one;
 * rapi_dispatch() from inside an upcall delivers what has not been delivered yet. Two threads that dispatch at once
 * share what waits between them. After fork(), the sessions are the parent's, and end with it: a child opens its own,
 * whatever other threads were in.
 *
 * Calls wait for the daemon's answer, five seconds at most, and then return RAPI_ERR_NORSVP; rapi_dispatch() never waits.
 *
 * The descriptor stays the same while the program has sessions, also when the daemon is started anew: what was asked
 * for is then asked for again, a reservation as soon as its senders are known. That is what was asked last and not
 * refused at once: a reservation is asked for also for a sender that a later RAPI_RESV_ERROR named, unless the
 * program has reserved without it since. Upcalls first take back what the old daemon had told: RAPI_PATH_EVENT,
 * RAPI_RESV_EVENT without flowspecs; what is there then follows. What the new daemon refuses is told as its error,
 * RAPI_PATH_ERROR or RAPI_RESV_ERROR, and is not asked for any more. If that is the session, the error is that of its
 * reservation, else of its sender, else a RAPI_PATH_ERROR without lists, and every further call about it returns
 * RAPI_ERR_BADSID. rapi_dispatch() returns RAPI_ERR_NORSVP while the daemon is away; the descriptor is readable, once
 * a second, when it is worth trying again.
 *
 * The daemon is reached at /run/rsvp/rapi.sock, or where the environment variable RSVP_SOCKET says; that is not heeded
 * in programs with more rights than their caller's (set-uid, set-gid, file capabilities).
 */
#ifndef RAPI_H
#define RAPI_H

#ifdef RSVPRAPI_H
#error "rapi.h and rsvprapi.h are two forms of one interface: a source file can use one of them"
#endif

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 100 * major + minor. */
#define RAPI_VERSION 501

typedef float float32_t;

/* A protocol address: struct sockaddr_in or struct sockaddr_in6. */
typedef struct sockaddr rapi_addr_t;

/* A session of this process. */
typedef unsigned int rapi_sid_t;
#define RAPI_NULL_SID 0

/* ---- Objects ------------------------------------------------------------------------------------------------- */

/* What kind of object it is, and in which format. */
typedef enum {
  RAPI_EMPTY_OTYPE = 0,          /* any kind: not there; a header only */
  RAPI_FLOWSTYPE_Intserv = 2,    /* flowspec */
  RAPI_FLOWSTYPE_Simplified = 3, /* flowspec */
  RAPI_TSPECTYPE_Intserv = 17,   /* sender Tspec */
  RAPI_TSPECTYPE_Simplified = 18,/* sender Tspec */
  RAPI_ADSTYPE_Intserv = 33,     /* Adspec */
  RAPI_ADSTYPE_Simplified = 34,  /* Adspec */
  RAPI_FILTERFORM_RSVD1 = 257,   /* not used */
  RAPI_FILTERFORM_BASE = 258,    /* filter, sender template: IPv4 address and port */
  RAPI_FILTERFORM_GPI = 259,     /* IPv4 address and generalized port identifier: not supported */
  RAPI_FILTERFORM_BASE6 = 260,   /* IPv6 address and port */
  RAPI_FILTERFORM_GPI6 = 261     /* IPv6 address and generalized port identifier: not supported */
} rapi_format_t;

/* What every object begins with. */
typedef struct {
  unsigned int len; /* octets of the whole object */
  int form;         /* a rapi_format_t */
} rapi_hdr_t;

#define RAPIObj_Size(p) (((rapi_hdr_t *)(p))->len)
#define RAPIObj_data(p) ((rapi_hdr_t *)(p) + 1)
#define After_RAPIObj(p) ((char *)(p) + RAPIObj_Size(p))

/* The services, in Simplified objects. */
typedef enum {
  RAPI_QOS_TSPEC = 0,      /* none: a sender's Tspec */
  RAPI_QOS_CNTR_LOAD = 1,  /* controlled load */
  RAPI_QOS_GUARANTEED = 2  /* guaranteed */
} rapi_qos_service_t;

/* Bounds: octets per second, octets; the peak rate may be infinite, which these bits are. */
#define TB_MIN_RATE 1
#define TB_MAX_RATE 40e12
#define TB_MIN_DEPTH 1
#define TB_MAX_DEPTH 250e9
#define TB_MAX_PEAK 0x7f800000

/* A token bucket. Rates are octets of IP packets per second, sizes octets of IP packets. */
typedef struct {
  float32_t spec_Tspec_r; /* token rate, TB_MIN_RATE to TB_MAX_RATE */
  float32_t spec_Tspec_b; /* bucket depth, TB_MIN_DEPTH to TB_MAX_DEPTH */
  float32_t spec_Tspec_p; /* peak rate, or infinity */
  uint32_t spec_Tspec_m;  /* minimum policed unit; 0 stands for 1 */
  uint32_t spec_Tspec_M;  /* maximum packet size, at least m */
} rapi_qos_Tspec_body;

/* A flowspec, Simplified. */
typedef struct {
  rapi_qos_service_t spec_type;    /* RAPI_QOS_CNTR_LOAD or RAPI_QOS_GUARANTEED */
  rapi_qos_Tspec_body xspec_Tspec; /* the token bucket */
  float32_t xspec_R;               /* guaranteed: the rate, at least r; else 0 */
  uint32_t xspec_S;                /* guaranteed: slack in microseconds; else 0 */
} rapi_qos_flowspecx_t;
#define xspec_r xspec_Tspec.spec_Tspec_r
#define xspec_b xspec_Tspec.spec_Tspec_b
#define xspec_p xspec_Tspec.spec_Tspec_p
#define xspec_m xspec_Tspec.spec_Tspec_m
#define xspec_M xspec_Tspec.spec_Tspec_M

/* A sender's Tspec, Simplified. */
typedef struct {
  rapi_qos_service_t spec_type; /* RAPI_QOS_TSPEC; the others are taken, too */
  rapi_qos_Tspec_body xtspec_Tspec;
} rapi_qos_tspecx_t;
#define xtspec_r xtspec_Tspec.spec_Tspec_r
#define xtspec_b xtspec_Tspec.spec_Tspec_b
#define xtspec_p xtspec_Tspec.spec_Tspec_p
#define xtspec_m xtspec_Tspec.spec_Tspec_m
#define xtspec_M xtspec_Tspec.spec_Tspec_M

/* Flags of an Adspec's parts. */
#define RAPI_XASPEC_FLG_BRK 0x01  /* somewhere on the way the service is missing */
#define RAPI_XASPEC_FLG_IGN 0x02  /* the service is not offered: the part means nothing. Not of the general part */
#define RAPI_XASPEC_FLG_PARM 0x04 /* the part's parameters are there; always so of the general part */

/* An Adspec, Simplified: what the path can do. */
typedef struct {
  /* In general. */
  uint8_t xaspec_flags;
  uint16_t xaspec_hopcnt;       /* hops with Integrated Services */
  float32_t xaspec_path_bw;     /* least bandwidth, octets per second; 0: not known */
  uint32_t xaspec_min_latency;  /* least latency, microseconds; 2^32 - 1: not known */
  uint32_t xaspec_composed_MTU; /* MTU, IP header included */
  /* Controlled load. */
  uint8_t xClaspec_flags;
  uint8_t xClaspec_override; /* 1: the next four take the place of the general ones */
  uint16_t xClaspec_hopcnt;
  float32_t xClaspec_path_bw;
  uint32_t xClaspec_min_latency;
  uint32_t xClaspec_composed_MTU;
  /* Guaranteed. */
  uint8_t xGaspec_flags;
  uint32_t xGaspec_Ctot; /* error terms of the whole path: octets, */
  uint32_t xGaspec_Dtot; /* microseconds; */
  uint32_t xGaspec_Csum; /* since the last reshaper */
  uint32_t xGaspec_Dsum;
  uint8_t xGaspec_override; /* 1: the next four take the place of the general ones */
  uint16_t xGaspec_hopcnt;
  float32_t xGaspec_path_bw;
  uint32_t xGaspec_min_latency;
  uint32_t xGaspec_composed_MTU;
} rapi_qos_adspecx_t;

/* Names of the standard's first edition. */
typedef rapi_qos_service_t qos_service_t;
typedef rapi_qos_Tspec_body qos_Tspec_body;
typedef rapi_qos_flowspecx_t qos_flowspecx_t;
typedef rapi_qos_tspecx_t qos_tspecx_t;
typedef rapi_qos_adspecx_t qos_adspecx_t;
#define QOS_TSPEC RAPI_QOS_TSPEC
#define QOS_CNTR_LOAD RAPI_QOS_CNTR_LOAD
#define QOS_GUARANTEED RAPI_QOS_GUARANTEED
#define QOS_TSPECX RAPI_QOS_TSPEC
#define QOS_GUARANTEEDX RAPI_QOS_GUARANTEED
#define XASPEC_FLG_BRK RAPI_XASPEC_FLG_BRK
#define XASPEC_FLG_IGN RAPI_XASPEC_FLG_IGN
#define XASPEC_FLG_PARM RAPI_XASPEC_FLG_PARM

/* ---- Integrated Services format: RFC 2210, numbers in the machine's order ------------------------------------- */

/* Services. */
#define GENERAL_INFO 1
#define GUARANTEED_SERV 2
#define CONTROLLED_LOAD_SERV 5

/* Parameters. */
enum int_serv_wkp {
  IS_WKP_HOP_CNT = 4,
  IS_WKP_PATH_BW = 6,
  IS_WKP_MIN_LATENCY = 8,
  IS_WKP_COMPOSED_MTU = 10,
  IS_WKP_TB_TSPEC = 127,
  IS_GUAR_RSPEC = 130,
  GUAR_ADSPARM_C = 131,
  GUAR_ADSPARM_D = 132,
  GUAR_ADSPARM_Ctot = 133,
  GUAR_ADSPARM_Dtot = 134,
  GUAR_ADSPARM_Csum = 135,
  GUAR_ADSPARM_Dsum = 136
};

/* The three headers. Lengths are in words of four octets and do not count the header. */
typedef struct {
  uint8_t ismh_version; /* version, 0, in the four high bits */
  uint8_t ismh_unused;
  uint16_t ismh_len32b;
} IS_main_hdr_t;
typedef struct {
  uint8_t issh_service;
  uint8_t issh_flags;
  uint16_t issh_len32b;
} IS_serv_hdr_t;
typedef struct {
  uint8_t isph_parm_num;
  uint8_t isph_flags;
  uint16_t isph_len32b;
} IS_parm_hdr_t;
#define ISSH_BREAK_BIT 0x80

typedef struct {
  float32_t TB_Tspec_r, TB_Tspec_b, TB_Tspec_p;
  uint32_t TB_Tspec_m, TB_Tspec_M;
} TB_Tsp_parms_t;

/* A sender's Tspec: words 7, 6, 5. */
typedef struct {
  IS_serv_hdr_t gen_Tspec_serv_hdr; /* GENERAL_INFO */
  IS_parm_hdr_t gen_Tspec_parm_hdr; /* IS_WKP_TB_TSPEC */
  TB_Tsp_parms_t gen_Tspec_parms;
} gen_Tspec_t;
typedef struct {
  IS_main_hdr_t st_mh;
  union {
    gen_Tspec_t gen_stspec;
  } tspec_u;
} IS_tspbody_t;

/* Controlled load: words 7, 6, 5. */
typedef struct {
  IS_serv_hdr_t CL_spec_serv_hdr; /* CONTROLLED_LOAD_SERV */
  IS_parm_hdr_t CL_spec_parm_hdr; /* IS_WKP_TB_TSPEC */
  TB_Tsp_parms_t CL_spec_parms;
} CL_flowspec_t;

/* Guaranteed: words 10, 9, 5, 2. */
typedef struct {
  float32_t Guar_R;
  uint32_t Guar_S;
} guar_Rspec_t;
typedef struct {
  IS_serv_hdr_t Guar_serv_hdr;  /* GUARANTEED_SERV */
  IS_parm_hdr_t Guar_Tspec_hdr; /* IS_WKP_TB_TSPEC */
  TB_Tsp_parms_t Guar_Tspec_parms;
  IS_parm_hdr_t Guar_Rspec_hdr; /* IS_GUAR_RSPEC */
  guar_Rspec_t Guar_Rspec;
} Guar_flowspec_t;
typedef struct {
  IS_main_hdr_t spec_mh;
  union {
    CL_flowspec_t CL_spec;
    Guar_flowspec_t G_spec;
  } spec_u;
} IS_specbody_t;

/* An Adspec: the general part; the parts of the services follow. */
typedef struct {
  IS_serv_hdr_t gen_parm_hdr; /* GENERAL_INFO */
  IS_parm_hdr_t gen_parm_hopcnt_hdr;
  uint32_t gen_parm_hopcnt;
  IS_parm_hdr_t gen_parm_pathbw_hdr;
  float32_t gen_parm_path_bw;
  IS_parm_hdr_t gen_parm_minlat_hdr;
  uint32_t gen_parm_min_latency;
  IS_parm_hdr_t gen_parm_compmtu_hdr;
  uint32_t gen_parm_composed_MTU;
} genparm_t;
typedef struct {
  IS_main_hdr_t adspec_mh;
  genparm_t adspec_genparms;
} IS_adsbody_t;

/* ---- The objects themselves ----------------------------------------------------------------------------------- */

typedef struct {
  unsigned int len;
  rapi_format_t form; /* RAPI_FLOWSTYPE_... */
  union {
    rapi_qos_flowspecx_t qosx;
    IS_specbody_t IS;
  } specbody_u;
} rapi_flowspec_t;
#define specbody_qosx specbody_u.qosx
#define specbody_IS specbody_u.IS

typedef struct {
  unsigned int len;
  rapi_format_t form; /* RAPI_TSPECTYPE_... */
  union {
    rapi_qos_tspecx_t qosxt;
    IS_tspbody_t ISt;
  } tspecbody_u;
} rapi_tspec_t;
#define tspecbody_qosx tspecbody_u.qosxt
#define tspecbody_IS tspecbody_u.ISt

typedef struct {
  unsigned int len;
  rapi_format_t form; /* RAPI_ADSTYPE_... */
  union {
    rapi_qos_adspecx_t adsx;
    IS_adsbody_t ISa;
  } adsbody_u;
} rapi_adspec_t;
#define adspecbody_qosx adsbody_u.adsx
#define adspecbody_IS adsbody_u.ISa

typedef struct {
  struct sockaddr_in sender;
} rapi_filter_base_t;
typedef struct {
  struct in_addr sender;
  uint32_t gpi;
} rapi_filter_gpi_t;
typedef struct {
  struct sockaddr_in6 sender;
} rapi_filter_base6_t;
typedef struct {
  struct in6_addr sender;
  uint32_t gpi;
} rapi_filter_gpi6_t;
typedef struct {
  unsigned int len;
  rapi_format_t form; /* RAPI_FILTERFORM_... */
  union {
    rapi_filter_base_t base;
    rapi_filter_gpi_t gpi;
    rapi_filter_base6_t base6;
    rapi_filter_gpi6_t gpi6;
  } filt_u;
} rapi_filter_t;
#define rapi_filt4 filt_u.base.sender
#define rapi_filtbase4_addr rapi_filt4.sin_addr
#define rapi_filtbase4_port rapi_filt4.sin_port
#define rapi_filtgpi4 filt_u.gpi
#define rapi_filtgpi4_addr rapi_filtgpi4.sender
#define rapi_filtgpi4_gpi rapi_filtgpi4.gpi
#define rapi_filt6 filt_u.base6.sender
#define rapi_filtbase6_addr rapi_filt6.sin6_addr
#define rapi_filtbase6_port rapi_filt6.sin6_port
#define rapi_filtgpi6 filt_u.gpi6
#define rapi_filtgpi6_addr rapi_filtgpi6.sender
#define rapi_filtgpi6_gpi rapi_filtgpi6.gpi

/* Policy data is not supported: pass null, or an empty object. */
typedef struct {
  char name[1];
} rapi_policy_name_string_t;
typedef struct {
  unsigned int len;
  rapi_format_t form;
  union {
    rapi_policy_name_string_t name_string;
  } pol_u;
} rapi_policy_t;

/* ---- Reservation styles --------------------------------------------------------------------------------------- */

typedef enum {
  RAPI_RSTYLE_WILDCARD = 1, /* WF: all senders share one reservation; no filter, or one that is ignored; 1 flowspec */
  RAPI_RSTYLE_FIXED = 2,    /* FF: a reservation for each sender; n filters, n flowspecs */
  RAPI_RSTYLE_SE = 3        /* SE: these senders share one; n filters, 1 flowspec */
} rapi_styleid_t;
#define RAPI_RSTYLE_MAX 3

/* Not defined yet: pass null. */
typedef void rapi_stylex_t;

/* ---- Upcalls -------------------------------------------------------------------------------------------------- */

typedef enum {
  RAPI_PATH_EVENT = 1,  /* the senders there are now, all of them; none: the last has gone */
  RAPI_RESV_EVENT = 2,  /* what is reserved for this session's sender; no flowspec: nothing any more */
  RAPI_PATH_ERROR = 3,  /* something is wrong with this session's sender */
  RAPI_RESV_ERROR = 4,  /* something is wrong with this session's reservation */
  RAPI_RESV_CONFIRM = 5 /* the reservation stands, very probably */
} rapi_eventinfo_t;

/* Flags of an error. */
#define RAPI_ERRF_InPlace 0x01   /* another reservation, presumably a smaller one, stays where this one failed */
#define RAPI_ERRF_NotGuilty 0x02 /* what failed was more than this receiver asked for */

/*
 * An upcall returns: no longjmp() and no C++ exception may leave it, since the library's frames are above it.
 *
 * In path events the list of flowspecs holds Tspecs: cast. It is as long as that of filters, which are the senders'
 * templates, and as that of Adspecs, unless no sender has one. A list that is not used has no members and is null.
 */
typedef void rapi_event_rtn_t(
    rapi_sid_t Sid,
    rapi_eventinfo_t EventType,
    rapi_styleid_t Style,   /* of RAPI_RESV_EVENT and RAPI_RESV_ERROR; else 0 */
    int ErrorCode,          /* of the two errors: RSVP_Err_... */
    int ErrorValue,         /* what it means depends on the code */
    rapi_addr_t *ErrorNode, /* where it was found */
    unsigned int ErrorFlags,
    int FilterSpecNo,
    rapi_filter_t *FilterSpec_list,
    int FlowspecNo,
    rapi_flowspec_t *Flowspec_list,
    int AdspecNo,
    rapi_adspec_t *Adspec_list,
    void *Event_arg);

/* Error codes of upcalls: RFC 2205 appendix B. */
#define RSVP_Err_NONE 0
#define RSVP_Err_ADMISSION 1
#define RSVP_Err_POLICY 2
#define RSVP_Err_NO_PATH 3
#define RSVP_Err_NO_SENDER 4
#define RSVP_Err_BAD_STYLE 5
#define RSVP_Err_UNKNOWN_STYLE 6
#define RSVP_Err_BAD_DSTPORT 7
#define RSVP_Err_BAD_SNDPORT 8
#define RSVP_Err_PREEMPTED 12
#define RSVP_Err_UNKN_OBJ_CLASS 13
#define RSVP_Err_UNKNOWN_CTYPE 14
#define RSVP_Err_API_ERROR 20 /* the value is one of RAPI_ERR_... */
#define RSVP_Err_TC_ERROR 21
#define RSVP_Err_TC_SYS_ERROR 22
#define RSVP_Err_RSVP_SYS_ERROR 23

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* Error codes of calls. */
#define RAPI_ERR_OK 0            /* no error */
#define RAPI_ERR_INVAL 1         /* invalid parameter */
#define RAPI_ERR_MAXSESS 2       /* too many sessions, or connections to the daemon */
#define RAPI_ERR_BADSID 3        /* no such session */
#define RAPI_ERR_N_FFS 4         /* number of filters or flowspecs does not fit the style */
#define RAPI_ERR_BADSTYLE 5      /* illegal style */
#define RAPI_ERR_SYSCALL 6       /* a system call failed, of rapi_session: errno; EACCES: no right to use RSVP */
#define RAPI_ERR_OVERFLOW 7      /* the lists are too long for a message to the daemon */
#define RAPI_ERR_MEMFULL 8       /* not given by this library: without memory, it ends the program */
#define RAPI_ERR_NORSVP 9        /* no daemon, or none that answers */
#define RAPI_ERR_OBJTYPE 10      /* an object is not of the kind it should be */
#define RAPI_ERR_OBJLEN 11       /* an object is too short for its kind */
#define RAPI_ERR_NOTSPEC 12      /* a sender without Tspec */
#define RAPI_ERR_INTSERV 13      /* an object is not as the Integrated Services format has it */
#define RAPI_ERR_BADSEND 14      /* later, by RAPI_PATH_ERROR: the sender's address is not of this machine */
#define RAPI_ERR_BADRECV 15      /* later, by RAPI_RESV_ERROR: the receiver's address is not of this machine */
#define RAPI_ERR_BADSPORT 16     /* later, by RAPI_PATH_ERROR: a source port in a session without ports */
#define RAPI_ERR_GPISESS 17      /* not given by this library, like the next three */
#define RAPI_ERR_GPI_CONFLICT 18
#define RAPI_ERR_BADPROTO 19
#define RAPI_ERR_BADVDPORT 20
#define RAPI_ERR_UNSUPPORTED 254 /* not supported */
#define RAPI_ERR_UNKNOWN 255     /* this library has a fault */

/* Flags of rapi_session. */
#define RAPI_GPI_SESSION 0x08 /* not supported */
#define RAPI_USE_INTSERV 0x10 /* upcalls have objects in Integrated Services format */

/*
 * Opens a session. `Protid` 0 stands for UDP. `Event_rtn` may be null: events are then not heard. `Errnop` may be null;
 * it is set on success, too. Path events follow, at once if there are senders. Gives RAPI_NULL_SID if it fails.
 */
rapi_sid_t rapi_session(
    rapi_addr_t *Dest,
    int Protid,
    unsigned int Flags,
    rapi_event_rtn_t *Event_rtn,
    void *Event_arg,
    int *Errnop);

/*
 * Becomes a sender, or another one than before; without `LHost`, none any more. `LHost` is the source of the data;
 * the wildcard address stands for this machine's address towards the destination. `SenderTemplate`, if there is one,
 * takes its place. `SenderAdspec` null: what this machine offers. `SenderPolicy` is null. `TTL` is that of the data; 0
 * stands for the system's default, 64, or 1 to a group. Reservation events and path errors follow.
 */
int rapi_sender(
    rapi_sid_t Sid,
    unsigned int Flags, /* none are defined: 0 */
    rapi_addr_t *LHost,
    rapi_filter_t *SenderTemplate,
    rapi_tspec_t *SenderTspec,
    rapi_adspec_t *SenderAdspec,
    rapi_policy_t *SenderPolicy,
    int TTL);

/* Flag of rapi_reserve. */
#define RAPI_REQ_CONFIRM 0x20 /* RAPI_RESV_CONFIRM is wanted */

/*
 * Reserves, in place of what was reserved before; with no flowspecs, nothing, and the lists are not looked at. `RHost`
 * is the address of the interface the data comes in by; null or the wildcard address: any. Success means that the
 * daemon has it; whether the network grants it is told by RAPI_RESV_ERROR, or by RAPI_RESV_CONFIRM on request.
 */
int rapi_reserve(
    rapi_sid_t Sid,
    unsigned int Flags,
    rapi_addr_t *RHost,
    rapi_styleid_t StyleId,
    rapi_stylex_t *Style_Ext,
    rapi_policy_t *Rcvr_Policy,
    int FilterSpecNo,
    rapi_filter_t *FilterSpec_list,
    int FlowspecNo,
    rapi_flowspec_t *Flowspec_list);

/*
 * Ends a session: when this returns, no upcall of it follows, and none is running in another thread, so that Event_arg
 * can be freed. It waits for those that are: hold nothing that they need, and let two upcalls not release each other's
 * session. From inside an upcall of the session itself it waits for none: where several threads dispatch, another may
 * still be in one.
 */
int rapi_release(rapi_sid_t Sid);

/* The descriptor to wait for, the same for all sessions; -1: no such session. */
int rapi_getfd(rapi_sid_t Sid);

/* Makes the upcalls that wait; does not wait itself, neither for the daemon nor for calls of other threads.
 * RAPI_ERR_OK, RAPI_ERR_NORSVP, or RAPI_ERR_INVAL: an event could not be read. */
int rapi_dispatch(void);

/* RAPI_VERSION of the library. */
int rapi_version(void);

/* The text of an upcall's error; of a call's error: code RSVP_Err_API_ERROR and its value. A code of a call that is none
 * of upcalls (RAPI_ERR_NORSVP, RAPI_ERR_OBJTYPE, RAPI_ERR_UNSUPPORTED and others) is taken for that, whatever the value;
 * of the rest, an upcall's text is given. Null: no such error. */
const char *rapi_strerror(int ErrorCode, int ErrorValue);

/* Objects as text, cut to `length` octets of `buffer`, the final zero among them. */
void rapi_fmt_adspec(rapi_adspec_t *adspecp, char *buffer, int length);
void rapi_fmt_filtspec(rapi_filter_t *filtp, char *buffer, int length);
void rapi_fmt_flowspec(rapi_flowspec_t *specp, char *buffer, int length);
void rapi_fmt_tspec(rapi_tspec_t *tspecp, char *buffer, int length);

#ifdef __cplusplus
}
#endif

#endif
