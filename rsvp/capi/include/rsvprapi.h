/*
 * rsvprapi.h: the RSVP application programming interface in the form that programs for OS/2 know.
 *
 *     cc program.c -lrsvp
 *
 * The calls are those of rapi.h, over the same library and daemon; that header says how they are used together,
 * and in threads. What differs:
 *
 *   - structures are packed, and numbers of object formats begin anew for every kind of object;
 *   - several objects are ordinary arrays of full-size structures, in calls and in upcalls; `len` of each is header
 *     and what is used of the body. In path events each slot of the array of flowspecs holds a Tspec: cast its address;
 *   - upcalls return an int, which is ignored, and have the error's flags in one octet;
 *   - sender template, sender Adspec, policy and style extension are not supported: null, or an empty object;
 *   - session flags are 0, and flags of rapi_sender are without effect;
 *   - there is no rapi_strerror().
 *
 * What was asked for is asked for again when the daemon is started anew, and what it then refuses is told as an error of
 * the reservation or the sender, as rapi.h has it.
 *
 * One library serves both forms: this header gives the calls other names for the linker.
 */
#ifndef RSVPRAPI_H
#define RSVPRAPI_H

#ifdef RAPI_H
#error "rapi.h and rsvprapi.h are two forms of one interface: a source file can use one of them"
#endif

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef _System
#define _System /* a calling convention, elsewhere */
#endif

#define rapi_session os2_rapi_session
#define rapi_sender os2_rapi_sender
#define rapi_reserve os2_rapi_reserve
#define rapi_release os2_rapi_release
#define rapi_getfd os2_rapi_getfd
#define rapi_dispatch os2_rapi_dispatch
#define rapi_version os2_rapi_version
#define rapi_fmt_adspec os2_rapi_fmt_adspec
#define rapi_fmt_filtspec os2_rapi_fmt_filtspec
#define rapi_fmt_flowspec os2_rapi_fmt_flowspec
#define rapi_fmt_tspec os2_rapi_fmt_tspec

#ifdef __cplusplus
extern "C" {
#endif

#pragma pack(push, 1)

typedef float float32_t;
typedef uint32_t rbool_t;

/* A session of this process. */
typedef unsigned int rapi_sid_t;
#define NULL_SID 0

/* ---- Objects ------------------------------------------------------------------------------------------------- */

/* What every object begins with. */
typedef struct {
  uint32_t len; /* octets of header and what is used of the body */
  int form;     /* by the kind of object */
} rapi_hdr_t;
#define RAPI_EMPTY_OTYPE 0 /* any kind: not there; a header only */

/* Filters and sender templates. */
typedef enum {
  RAPI_FILTER_NONE = 0,
  RAPI_FILTERFORM_1 = 1,    /* address, mask and value: not supported */
  RAPI_FILTERFORM_BASE = 2, /* IPv4 address and port */
  RAPI_FILTERFORM_BASE6 = 3 /* IPv6 address and port */
} rapi_filterform_t;
#define RAPI_MAXFILTER_T1 48
typedef struct {
  struct sockaddr sender;
  uint32_t len;
  unsigned char v[RAPI_MAXFILTER_T1];
  unsigned char m[RAPI_MAXFILTER_T1];
} rapi_filter_t1_t;
typedef struct {
  struct sockaddr_in sender;
} rapi_filter_base_t;
typedef struct {
  struct sockaddr_in6 sender;
} rapi_filter_base6_t;
typedef struct {
  uint32_t len;
  rapi_filterform_t form;
  union {
    rapi_filter_t1_t t1;
    rapi_filter_base_t base;
    rapi_filter_base6_t base6;
  } filter;
} rapi_filter_t;

/* Bounds: octets per second, octets; the peak rate may be infinite, which these bits are. */
#define TB_RATE_MIN 1
#define TB_RATE_MAX 40e12
#define TB_DEPTH_MIN 1
#define TB_DEPTH_MAX 250e9
#define TB_PEAK_MAX 0x7f800000

/* A token bucket. Rates are octets of IP packets per second, sizes octets of IP packets. */
typedef struct {
  float32_t IS_Tspec_r; /* token rate */
  float32_t IS_Tspec_b; /* bucket depth */
  float32_t IS_Tspec_p; /* peak rate */
  uint32_t IS_Tspec_m;  /* minimum policed unit; 0 stands for 1 */
  uint32_t IS_Tspec_M;  /* maximum packet size, at least m */
} IS_Tspec_t;

typedef struct {
  float32_t Guar_Rspec_R; /* rate, at least r */
  uint32_t Guar_Rspec_S;  /* slack in microseconds */
} Guar_Rspec_t;

/* Flowspecs and Tspecs. */
typedef enum {
  RAPI_FORMAT_NONE = 0,
  RAPI_FORMAT_IS_CL = 1,   /* flowspec: controlled load */
  RAPI_FORMAT_IS_GUAR = 2, /* flowspec: guaranteed */
  RAPI_FORMAT_IS_GEN = 3   /* Tspec */
} rapi_format_t;
typedef struct {
  IS_Tspec_t CL_Tspec;
} CL_flowspec_t;
typedef struct {
  IS_Tspec_t Guar_Tspec;
  Guar_Rspec_t Guar_Rspec;
} Guar_flowspec_t;
typedef struct {
  uint32_t len;
  rapi_format_t form;
  union {
    CL_flowspec_t IS_CL;
    Guar_flowspec_t IS_Guar;
  } specbody_u;
} rapi_flowspec_t;
#define cl_tspec_r specbody_u.IS_CL.CL_Tspec.IS_Tspec_r
#define cl_tspec_b specbody_u.IS_CL.CL_Tspec.IS_Tspec_b
#define cl_tspec_p specbody_u.IS_CL.CL_Tspec.IS_Tspec_p
#define cl_tspec_m specbody_u.IS_CL.CL_Tspec.IS_Tspec_m
#define cl_tspec_M specbody_u.IS_CL.CL_Tspec.IS_Tspec_M
#define guar_tspec_r specbody_u.IS_Guar.Guar_Tspec.IS_Tspec_r
#define guar_tspec_b specbody_u.IS_Guar.Guar_Tspec.IS_Tspec_b
#define guar_tspec_p specbody_u.IS_Guar.Guar_Tspec.IS_Tspec_p
#define guar_tspec_m specbody_u.IS_Guar.Guar_Tspec.IS_Tspec_m
#define guar_tspec_M specbody_u.IS_Guar.Guar_Tspec.IS_Tspec_M
#define guar_rspec_R specbody_u.IS_Guar.Guar_Rspec.Guar_Rspec_R
#define guar_rspec_S specbody_u.IS_Guar.Guar_Rspec.Guar_Rspec_S
typedef struct {
  uint32_t len;
  rapi_format_t form;
  union {
    IS_Tspec_t IS_Tspec;
  } specbody_u;
} rapi_tspec_t;
#define tspec_r specbody_u.IS_Tspec.IS_Tspec_r
#define tspec_b specbody_u.IS_Tspec.IS_Tspec_b
#define tspec_p specbody_u.IS_Tspec.IS_Tspec_p
#define tspec_m specbody_u.IS_Tspec.IS_Tspec_m
#define tspec_M specbody_u.IS_Tspec.IS_Tspec_M

/* Adspecs: what the path can do, in general, */
typedef struct {
  rbool_t servBreak;    /* somewhere on the way the service is missing */
  uint16_t ISHops;      /* hops with Integrated Services */
  float32_t pathBW;     /* least bandwidth, octets per second; 0: not known */
  uint32_t pathLatency; /* least latency, microseconds; 2^32 - 1: not known */
  uint16_t composedMTU; /* MTU, IP header included */
} Gen_adspec_t;
/* by controlled load, */
typedef struct {
  rbool_t servBreak;
  uint16_t ISHops;
  float32_t pathBW;
  uint32_t pathLatency;
  uint16_t composedMTU;
} CL_adspec_t;
/* and by guaranteed service. */
typedef struct {
  rbool_t servBreak;
  uint16_t ISHops;
  float32_t pathBW;
  uint32_t pathLatency;
  uint16_t composedMTU;
  uint32_t Ctot; /* error terms of the whole path: octets, */
  uint32_t Dtot; /* microseconds; */
  uint32_t Csum; /* since the last reshaper */
  uint32_t Dsum;
} Guar_adspec_t;
typedef struct {
  Gen_adspec_t Gen_Adspec;
  rbool_t CL_present; /* the service is offered */
  CL_adspec_t CL_Adspec;
  rbool_t Guar_present;
  Guar_adspec_t Guar_Adspec;
} IS_adspec_t;
typedef enum {
  RAPI_ADSPEC_NONE = 0,
  RAPI_ADSPEC_IS = 1
} rapi_adspec_form_t;
typedef struct {
  uint32_t len;
  rapi_adspec_form_t form;
  union {
    IS_adspec_t IS_Adspec;
  } specbody_u;
} rapi_adspec_t;

/* Policy data is not supported. */
typedef struct {
  char name[1];
} rapi_policy_name_string_t;
typedef enum {
  RAPI_POLICY_TYPE_NAMESTRING = 1
} rapi_policy_form_t;
typedef enum {
  RAPI_POLICYF_INTEGRITY = 1,
  RAPI_POLICYF_GLOBAL = 2,
  RAPI_POLICYF_RESP = 4
} rapi_policy_flags_t;
typedef struct {
  uint32_t len;
  rapi_policy_form_t form;
  rapi_policy_flags_t flags;
  union {
    rapi_policy_name_string_t namestring;
  } pol_u;
} rapi_policy_t;

/* ---- Reservation styles --------------------------------------------------------------------------------------- */

typedef enum {
  RAPI_RSTYLE_WILDCARD = 1, /* all senders share one reservation; no filter, or one that is ignored; 1 flowspec */
  RAPI_RSTYLE_FIXED = 2,    /* a reservation for each sender; n filters, n flowspecs */
  RAPI_RSTYLE_SE = 3        /* these senders share one; n filters, 1 flowspec */
} rapi_styleid_t;
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

/* It returns: no longjmp() and no C++ exception may leave it. */
typedef int(_System *rapi_event_rtn_t)(
    rapi_sid_t,        /* session */
    rapi_eventinfo_t,  /* event */
    rapi_styleid_t,    /* style, of RAPI_RESV_EVENT and RAPI_RESV_ERROR; else 0 */
    int,               /* error code, of the two errors: RFC 2205 appendix B; 20: the value is one of RAPI_ERR_... */
    int,               /* error value */
    struct sockaddr *, /* where the error was found */
    unsigned char,     /* error flags */
    int,               /* number of filters, of path events: sender templates */
    rapi_filter_t *,
    int,               /* number of flowspecs, of path events: Tspecs */
    rapi_flowspec_t *,
    int,               /* number of Adspecs */
    rapi_adspec_t *,
    void *             /* as it was given to rapi_session */
);

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* Error codes of calls; rapi.h says when which is given. */
#define RAPI_ERR_OK 0
#define RAPI_ERR_INVAL 1
#define RAPI_ERR_MAXSESS 2
#define RAPI_ERR_BADSID 3
#define RAPI_ERR_N_FFS 4
#define RAPI_ERR_BADSTYLE 5
#define RAPI_ERR_SYSCALL 6
#define RAPI_ERR_OVERFLOW 7
#define RAPI_ERR_MEMFULL 8 /* not given by this library: without memory, it ends the program */
#define RAPI_ERR_NORSVP 9
#define RAPI_ERR_OBJTYPE 10
#define RAPI_ERR_OBJLEN 11
#define RAPI_ERR_NOTSPEC 12
#define RAPI_ERR_INTSERV 13
#define RAPI_ERR_BADSEND 14
#define RAPI_ERR_BADRECV 15
#define RAPI_ERR_UNSUPPORTED 254
#define RAPI_ERR_UNKNOWN 255

/* Opens a session: destination, protocol (0: UDP), flags (0), upcall or null, its argument, error code or null. */
rapi_sid_t _System rapi_session(struct sockaddr *, int, int, rapi_event_rtn_t, void *, int *);

/* Becomes a sender: session, flags, source of the data (null: be none any more), template (null), Tspec, Adspec (null),
 * policy (null), TTL. */
int _System rapi_sender(rapi_sid_t, int, struct sockaddr *, rapi_filter_t *, rapi_tspec_t *, rapi_adspec_t *,
                        rapi_policy_t *, int);
#define TC_QOS_POLICE 0x1 /* these flags have no effect: traffic control polices what is reserved */
#define TC_QOS_NOPOLICE 0x2
#define TC_QOS_SHAPE 0x4
#define TC_QOS_NOSHAPE 0x8

/* Reserves: session, flags, address of the receiving interface or null, style, extension (null), policy (null), number
 * of filters, filters, number of flowspecs (0: remove the reservation), flowspecs. */
int _System rapi_reserve(rapi_sid_t, int, struct sockaddr *, rapi_styleid_t, rapi_stylex_t *, rapi_policy_t *, int,
                         rapi_filter_t *, int, rapi_flowspec_t *);
#define RAPI_REQ_CONFIRM 0x20 /* RAPI_RESV_CONFIRM is wanted */

/* Ends a session; waits for upcalls of it that other threads are in, unless this one is in one, too. */
int _System rapi_release(rapi_sid_t);

/* The descriptor to wait for, the same for all sessions; -1: no such session. */
int _System rapi_getfd(rapi_sid_t);

/* Makes the upcalls that wait; does not wait itself. */
int _System rapi_dispatch(void);

/* 100 times the version: 400. */
int _System rapi_version(void);

/* Objects as text, cut to so many octets, the final zero among them. */
void _System rapi_fmt_flowspec(rapi_flowspec_t *, char *, int);
void _System rapi_fmt_tspec(rapi_tspec_t *, char *, int);
void _System rapi_fmt_adspec(rapi_adspec_t *, char *, int);
void _System rapi_fmt_filtspec(rapi_filter_t *, char *, int);

#pragma pack(pop)

#ifdef __cplusplus
}
#endif

#endif
