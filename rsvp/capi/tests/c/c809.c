/* The calls of rapi.h, one after another, against a daemon that brings senders and receivers together. */
#include <rapi.h>

#include "check.h"

/* The last upcall of a session, copied. */
typedef struct {
  int count;
  rapi_sid_t sid;
  rapi_eventinfo_t event;
  rapi_styleid_t style;
  int code, value;
  struct sockaddr_in node;
  unsigned flags;
  int filters, flowspecs, adspecs;
  char filter[600], flowspec[600], adspec[600];
} heard_t;

/* Copies list members of any length. */
static void copy(char *to, const void *from) {
  memset(to, 0, 600);
  if (from) memcpy(to, from, RAPIObj_Size(from));
}

/* Copies the last member of a list as a whole structure, more than its length: valgrind sees to it. */
#define COPY_LAST(type, list, count)                                             \
  do {                                                                           \
    const char *last_ = (const char *)(list);                                    \
    type whole_;                                                                 \
    for (int i_ = 1; i_ < (count); i_++) last_ = After_RAPIObj(last_);           \
    if (count) memcpy(&whole_, last_, sizeof whole_);                            \
    if (count) CHECK(whole_.len >= sizeof(rapi_hdr_t) && whole_.form >= 0);      \
  } while (0)

static void hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value, rapi_addr_t *node,
                 unsigned flags, int filters, rapi_filter_t *filter, int flowspecs, rapi_flowspec_t *flowspec,
                 int adspecs, rapi_adspec_t *adspec, void *argument) {
  heard_t *heard = argument;
  CHECK((filters == 0) == (filter == NULL));
  CHECK((flowspecs == 0) == (flowspec == NULL));
  CHECK((adspecs == 0) == (adspec == NULL));
  heard->count++;
  heard->sid = sid;
  heard->event = event;
  heard->style = style;
  heard->code = code;
  heard->value = value;
  memcpy(&heard->node, node, sizeof heard->node);
  heard->flags = flags;
  heard->filters = filters;
  heard->flowspecs = flowspecs;
  heard->adspecs = adspecs;
  COPY_LAST(rapi_filter_t, filter, filters);
  COPY_LAST(rapi_flowspec_t, flowspec, flowspecs);
  COPY_LAST(rapi_tspec_t, flowspec, flowspecs);
  COPY_LAST(rapi_adspec_t, adspec, adspecs);
  copy(heard->filter, filter);
  copy(heard->flowspec, flowspec);
  copy(heard->adspec, adspec);
}

static rapi_tspec_t tspec_of(float rate) {
  rapi_tspec_t tspec;
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_tspecx_t);
  tspec.form = RAPI_TSPECTYPE_Simplified;
  tspec.tspecbody_qosx.spec_type = RAPI_QOS_TSPEC;
  tspec.tspecbody_qosx.xtspec_r = rate;
  tspec.tspecbody_qosx.xtspec_b = 10000;
  tspec.tspecbody_qosx.xtspec_p = 2 * rate;
  tspec.tspecbody_qosx.xtspec_m = 64;
  tspec.tspecbody_qosx.xtspec_M = 1500;
  return tspec;
}

static rapi_flowspec_t flowspec_of(rapi_qos_service_t service, float rate) {
  rapi_flowspec_t flowspec;
  memset(&flowspec, 0, sizeof flowspec);
  flowspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_flowspecx_t);
  flowspec.form = RAPI_FLOWSTYPE_Simplified;
  flowspec.specbody_qosx.spec_type = service;
  flowspec.specbody_qosx.xspec_r = rate;
  flowspec.specbody_qosx.xspec_b = 10000;
  flowspec.specbody_qosx.xspec_p = 2 * rate;
  flowspec.specbody_qosx.xspec_m = 64;
  flowspec.specbody_qosx.xspec_M = 1500;
  flowspec.specbody_qosx.xspec_R = service == RAPI_QOS_GUARANTEED ? rate : 0;
  return flowspec;
}

static rapi_filter_t filter_of(const char *address, int port) {
  rapi_filter_t filter;
  memset(&filter, 0, sizeof filter);
  filter.len = sizeof(rapi_hdr_t) + sizeof(rapi_filter_base_t);
  filter.form = RAPI_FILTERFORM_BASE;
  filter.rapi_filt4 = v4(address, port);
  return filter;
}

static rapi_sid_t open_session(unsigned flags, heard_t *heard) {
  struct sockaddr_in to = v4("10.0.0.2", 5000);
  int error = -1;
  rapi_sid_t sid = rapi_session((rapi_addr_t *)&to, 0, flags, heard ? hear : NULL, heard, &error);
  CHECK(sid != RAPI_NULL_SID && error == RAPI_ERR_OK);
  return sid;
}

static void refused_sessions(void) {
  struct sockaddr_in to = v4("10.0.0.2", 5000), any = v4("0.0.0.0", 5000);
  int error = -1;
  CHECK(rapi_session(NULL, 0, 0, hear, NULL, &error) == RAPI_NULL_SID && error == RAPI_ERR_INVAL);
  CHECK(rapi_session(NULL, 0, 0, hear, NULL, NULL) == RAPI_NULL_SID);
  CHECK(rapi_session((rapi_addr_t *)&any, 0, 0, hear, NULL, &error) == RAPI_NULL_SID && error == RAPI_ERR_INVAL);
  CHECK(rapi_session((rapi_addr_t *)&to, 256, 0, hear, NULL, &error) == RAPI_NULL_SID && error == RAPI_ERR_INVAL);
  CHECK(rapi_session((rapi_addr_t *)&to, 0, RAPI_GPI_SESSION, hear, NULL, &error) == RAPI_NULL_SID);
  CHECK(error == RAPI_ERR_UNSUPPORTED);
  to.sin_family = AF_UNIX;
  CHECK(rapi_session((rapi_addr_t *)&to, 0, 0, hear, NULL, &error) == RAPI_NULL_SID && error == RAPI_ERR_INVAL);
}

static void refused_senders(rapi_sid_t sid) {
  struct sockaddr_in from = v4("0.0.0.0", 6000);
  struct sockaddr_in6 from6 = v6("::", 6000);
  rapi_addr_t *host = (rapi_addr_t *)&from;
  rapi_tspec_t tspec = tspec_of(125e3f), bad = tspec;
  CHECK(rapi_sender(sid + 7, 0, host, NULL, NULL, NULL, NULL, 0) == RAPI_ERR_BADSID);
  CHECK(rapi_sender(RAPI_NULL_SID, 0, host, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_BADSID);
  CHECK(rapi_sender(sid, 0, host, NULL, NULL, NULL, NULL, 0) == RAPI_ERR_NOTSPEC);
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from6, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_INVAL);
  CHECK(rapi_sender(sid, 0, host, NULL, &tspec, NULL, NULL, 256) == RAPI_ERR_INVAL);
  bad.len = 4;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_OBJLEN);
  bad.len = sizeof(rapi_hdr_t) + 8;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_OBJLEN);
  bad = tspec;
  bad.form = RAPI_FLOWSTYPE_Simplified;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_OBJTYPE);
  bad = tspec;
  bad.tspecbody_qosx.xtspec_r = (float32_t)NAN;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_INVAL);
  bad.form = RAPI_TSPECTYPE_Intserv;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_INTSERV);
}

static void refused_reservations(rapi_sid_t sid) {
  rapi_flowspec_t flowspec = flowspec_of(RAPI_QOS_CNTR_LOAD, 125e3f);
  rapi_filter_t filter = filter_of("127.0.0.1", 6000);
  rapi_styleid_t none = (rapi_styleid_t)9;
  /* The order of checks: session, style, counts, lists, objects. */
  CHECK(rapi_reserve(sid + 7, 0, NULL, none, NULL, NULL, 0, NULL, 0, NULL) == RAPI_ERR_BADSID);
  CHECK(rapi_reserve(sid, 0, NULL, none, NULL, NULL, 0, NULL, 0, NULL) == RAPI_ERR_BADSTYLE);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 2, NULL, 1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 0, NULL, 1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_SE, NULL, NULL, 0, NULL, 1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_SE, NULL, NULL, 2, NULL, 2, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 2, NULL, 1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, -1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, 1, NULL) == RAPI_ERR_INVAL);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, NULL, 1, &flowspec) == RAPI_ERR_INVAL);
  filter.form = RAPI_FILTERFORM_GPI;
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, &filter, 1, &flowspec) == RAPI_ERR_OBJTYPE);
  filter.form = RAPI_FILTERFORM_BASE;
  filter.len = 12;
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, &filter, 1, &flowspec) == RAPI_ERR_OBJLEN);
  /* Nothing was reserved: to remove it is no error. */
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 3, NULL, 0, NULL) == RAPI_ERR_OK);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, -1, NULL, 0, NULL) == RAPI_ERR_OK);
}

/* A sender and a receiver in one program. */
static void flow_of_control(unsigned flags) {
  heard_t at_sender = {0}, at_receiver = {0};
  rapi_sid_t receiver = open_session(flags, &at_receiver), sender = open_session(flags, &at_sender);
  struct sockaddr_in from = v4("0.0.0.0", 6000);
  rapi_tspec_t tspec = tspec_of(125e3f);
  char text[600];
  CHECK(receiver != sender && rapi_getfd(receiver) == rapi_getfd(sender));
  CHECK(rapi_dispatch() == RAPI_ERR_OK && at_receiver.count == 0);
  CHECK(rapi_sender(sender, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);

  AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.sid == receiver && at_receiver.event == RAPI_PATH_EVENT && at_receiver.style == 0);
  CHECK(at_receiver.filters == 1 && at_receiver.flowspecs == 1 && at_receiver.adspecs == 1);
  rapi_filter_t *template = (rapi_filter_t *)at_receiver.filter;
  CHECK(template->form == RAPI_FILTERFORM_BASE && template->rapi_filtbase4_port == htons(6000));
  CHECK(template->rapi_filtbase4_addr.s_addr == htonl(INADDR_LOOPBACK));
  rapi_tspec_t *sent = (rapi_tspec_t *)at_receiver.flowspec;
  rapi_adspec_t *path = (rapi_adspec_t *)at_receiver.adspec;
  if (flags & RAPI_USE_INTSERV) {
    gen_Tspec_t *gen = &sent->tspecbody_IS.tspec_u.gen_stspec;
    CHECK(sent->form == RAPI_TSPECTYPE_Intserv && sent->tspecbody_IS.st_mh.ismh_len32b == 7);
    CHECK(gen->gen_Tspec_serv_hdr.issh_service == GENERAL_INFO && gen->gen_Tspec_parms.TB_Tspec_M == 1500);
    CHECK(gen->gen_Tspec_parm_hdr.isph_parm_num == IS_WKP_TB_TSPEC && gen->gen_Tspec_parms.TB_Tspec_r == 125e3f);
    CHECK(path->form == RAPI_ADSTYPE_Intserv && path->adspecbody_IS.adspec_genparms.gen_parm_hopcnt == 1);
    CHECK(path->adspecbody_IS.adspec_genparms.gen_parm_composed_MTU == 1500);
  } else {
    CHECK(sent->form == RAPI_TSPECTYPE_Simplified && sent->tspecbody_qosx.xtspec_p == 250e3f);
    CHECK(sent->tspecbody_qosx.spec_type == RAPI_QOS_TSPEC && sent->tspecbody_qosx.xtspec_m == 64);
    CHECK(path->form == RAPI_ADSTYPE_Simplified && path->adspecbody_qosx.xaspec_hopcnt == 1);
    CHECK(path->adspecbody_qosx.xaspec_flags == RAPI_XASPEC_FLG_PARM);
    CHECK(path->adspecbody_qosx.xaspec_path_bw == 1.25e6f && path->adspecbody_qosx.xaspec_composed_MTU == 1500);
    CHECK(path->adspecbody_qosx.xGaspec_flags == RAPI_XASPEC_FLG_PARM);
    CHECK(path->adspecbody_qosx.xGaspec_Ctot == 4500 && path->adspecbody_qosx.xGaspec_Dtot == 3000);
    CHECK((path->adspecbody_qosx.xClaspec_flags & RAPI_XASPEC_FLG_IGN) == 0);
  }
  rapi_fmt_tspec(sent, text, sizeof text);
  CHECK(strcmp(text, "[T=[125K(10K) 250KB/s 64 1.5K]]") == 0);
  rapi_fmt_adspec(path, text, sizeof text);
  CHECK(strncmp(text, "Adspec( 1 hop 1.25MB/s 100us 1500B", 34) == 0);
  rapi_fmt_filtspec(template, text, sizeof text);
  CHECK(strcmp(text, "127.0.0.1:6000") == 0);

  /* The objects of the event are good for a call as they are. */
  rapi_flowspec_t wish = flowspec_of(RAPI_QOS_GUARANTEED, 200e3f);
  CHECK(rapi_reserve(receiver, RAPI_REQ_CONFIRM, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, template, 1, &wish) == 0);
  AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.event == RAPI_RESV_CONFIRM && at_receiver.filters == 1 && at_receiver.adspecs == 0);
  while (at_sender.event != RAPI_RESV_EVENT) AWAIT(sender, at_sender.count);
  CHECK(at_sender.style == RAPI_RSTYLE_FIXED && at_sender.filters == 1 && at_sender.flowspecs == 1);
  rapi_flowspec_t *got = (rapi_flowspec_t *)at_sender.flowspec;
  if (flags & RAPI_USE_INTSERV) {
    CHECK(got->form == RAPI_FLOWSTYPE_Intserv && got->specbody_IS.spec_u.G_spec.Guar_Rspec.Guar_R == 200e3f);
  } else {
    CHECK(got->specbody_qosx.spec_type == RAPI_QOS_GUARANTEED && got->specbody_qosx.xspec_R == 200e3f);
  }
  rapi_fmt_flowspec(got, text, sizeof text);
  CHECK(strcmp(text, "[G R=200K S=0 T=[200K(10K) 400KB/s 64 1.5K]]") == 0);

  /* More than there is. */
  wish = flowspec_of(RAPI_QOS_CNTR_LOAD, 1e9f);
  CHECK(rapi_reserve(receiver, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, 1, &wish) == RAPI_ERR_OK);
  AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.event == RAPI_RESV_ERROR && at_receiver.style == RAPI_RSTYLE_WILDCARD);
  CHECK(at_receiver.code == RSVP_Err_ADMISSION && at_receiver.value == 2);
  CHECK(at_receiver.flags == RAPI_ERRF_NotGuilty && at_receiver.node.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  CHECK(strstr(rapi_strerror(at_receiver.code, at_receiver.value), "bandwidth"));

  CHECK(rapi_sender(sender, 0, NULL, NULL, NULL, NULL, NULL, 0) == RAPI_ERR_OK);
  while (at_receiver.event != RAPI_PATH_EVENT) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.flowspecs == 0 && at_receiver.filters == 0 && at_receiver.adspecs == 0);

  /* Nobody sends. */
  wish = flowspec_of(RAPI_QOS_CNTR_LOAD, 1e3f);
  CHECK(rapi_reserve(receiver, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, 1, &wish) == RAPI_ERR_OK);
  AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.event == RAPI_RESV_ERROR && at_receiver.code == RSVP_Err_NO_PATH);

  CHECK(rapi_release(receiver) == RAPI_ERR_OK);
  CHECK(rapi_release(receiver) == RAPI_ERR_BADSID);
  CHECK(rapi_getfd(receiver) == -1);
  CHECK(rapi_release(sender) == RAPI_ERR_OK);
}

/* Errors that are told later. */
static void late_errors(void) {
  heard_t heard = {0};
  rapi_sid_t sid = open_session(0, &heard);
  struct sockaddr_in stranger = v4("192.0.2.99", 6000), portless = v4("10.0.0.2", 0);
  rapi_tspec_t tspec = tspec_of(125e3f);
  rapi_flowspec_t flowspec = flowspec_of(RAPI_QOS_CNTR_LOAD, 125e3f);
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&stranger, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
  AWAIT(sid, heard.count);
  CHECK(heard.event == RAPI_PATH_ERROR && heard.style == 0);
  CHECK(heard.code == RSVP_Err_API_ERROR && heard.value == RAPI_ERR_BADSEND);
  CHECK(rapi_strerror(heard.code, heard.value) != NULL);
  CHECK(rapi_reserve(sid, 0, (rapi_addr_t *)&stranger, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, 1, &flowspec) == 0);
  AWAIT(sid, heard.count);
  CHECK(heard.event == RAPI_RESV_ERROR && heard.code == RSVP_Err_API_ERROR && heard.value == RAPI_ERR_BADRECV);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
  sid = rapi_session((rapi_addr_t *)&portless, 17, 0, hear, &heard, NULL);
  stranger = v4("0.0.0.0", 6000);
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&stranger, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
  AWAIT(sid, heard.count);
  CHECK(heard.event == RAPI_PATH_ERROR && heard.value == RAPI_ERR_BADSPORT);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
}

/* Several senders: lists without gaps, Adspecs of a sender's own, one that is empty. IPv6. */
static void lists_and_ipv6(void) {
  heard_t heard = {0};
  struct sockaddr_in6 to = v6("2001:db8::2", 5000), from = v6("::", 0);
  rapi_tspec_t tspec = tspec_of(125e3f);
  rapi_sid_t sids[3];
  for (int i = 0; i < 3; i++) {
    sids[i] = rapi_session((rapi_addr_t *)&to, 17, 0, i ? NULL : hear, &heard, NULL);
    CHECK(sids[i] != RAPI_NULL_SID);
    from.sin6_port = htons((uint16_t)(7000 + i));
    rapi_filter_t template;
    memset(&template, 0, sizeof template);
    template.len = sizeof(rapi_hdr_t) + sizeof(rapi_filter_base6_t);
    template.form = RAPI_FILTERFORM_BASE6;
    template.rapi_filt6 = from;
    CHECK(rapi_sender(sids[i], 0, (rapi_addr_t *)&from, i ? &template : NULL, &tspec, NULL, NULL, 9) == RAPI_ERR_OK);
  }
  while (heard.filters != 3) AWAIT(sids[0], heard.count);
  rapi_filter_t *first = (rapi_filter_t *)heard.filter;
  CHECK(first->form == RAPI_FILTERFORM_BASE6 && first->len == 8 + 28 && first->rapi_filtbase6_port == htons(7000));

  /* Filters of both sizes would not fit: one family to a session. */
  char list[3 * 36];
  for (int i = 0; i < 3; i++) {
    memcpy(list + 36 * i, first, 36);
    ((rapi_filter_t *)(list + 36 * i))->rapi_filtbase6_port = htons((uint16_t)(7000 + i));
  }
  char flows[3 * 40];
  for (int i = 0; i < 3; i++) {
    rapi_flowspec_t flowspec = flowspec_of(RAPI_QOS_CNTR_LOAD, 1000.0f * (float)(i + 1));
    memcpy(flows + 40 * i, &flowspec, 40);
  }
  CHECK(rapi_reserve(sids[0], 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 3, (rapi_filter_t *)list, 3,
                     (rapi_flowspec_t *)flows) == RAPI_ERR_OK);
  while (heard.event != RAPI_RESV_EVENT) AWAIT(sids[0], heard.count);
  CHECK(((rapi_flowspec_t *)heard.flowspec)->specbody_qosx.xspec_r == 1000.0f);
  rapi_filter_t v4filter = filter_of("127.0.0.1", 6000);
  CHECK(rapi_reserve(sids[0], 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, &v4filter, 1, (rapi_flowspec_t *)flows) ==
        RAPI_ERR_INVAL);
  for (int i = 0; i < 3; i++) CHECK(rapi_release(sids[i]) == RAPI_ERR_OK);
}

static void adspec_of_a_sender(void) {
  heard_t heard = {0};
  rapi_sid_t sid = open_session(0, &heard);
  struct sockaddr_in from = v4("0.0.0.0", 6000);
  rapi_tspec_t tspec = tspec_of(125e3f);
  rapi_adspec_t adspec;
  memset(&adspec, 0, sizeof adspec);
  adspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_adspecx_t);
  adspec.form = RAPI_ADSTYPE_Simplified;
  adspec.adspecbody_qosx.xaspec_path_bw = 1e9f;
  adspec.adspecbody_qosx.xaspec_composed_MTU = 9000;
  adspec.adspecbody_qosx.xClaspec_flags = RAPI_XASPEC_FLG_IGN;
  adspec.adspecbody_qosx.xGaspec_flags = RAPI_XASPEC_FLG_PARM;
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, &adspec, NULL, 0) == RAPI_ERR_OK);
  AWAIT(sid, heard.count);
  rapi_adspec_t *path = (rapi_adspec_t *)heard.adspec;
  CHECK(path->adspecbody_qosx.xClaspec_flags == RAPI_XASPEC_FLG_IGN);
  CHECK(path->adspecbody_qosx.xaspec_composed_MTU == 1500 && path->adspecbody_qosx.xGaspec_Ctot == 4500);
  adspec.adspecbody_qosx.xClaspec_flags |= RAPI_XASPEC_FLG_PARM;
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, &adspec, NULL, 0) == RAPI_ERR_INVAL);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
}

/* Calls from inside an upcall. */
static int depth;
static void reenter(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value,
                    rapi_addr_t *node, unsigned flags, int filters, rapi_filter_t *filter, int flowspecs,
                    rapi_flowspec_t *flowspec, int adspecs, rapi_adspec_t *adspec, void *argument) {
  (void)style, (void)code, (void)value, (void)node, (void)flags, (void)filters;
  (void)flowspec, (void)adspecs, (void)adspec;
  rapi_flowspec_t wish = flowspec_of(RAPI_QOS_CNTR_LOAD, 1e3f);
  (*(int *)argument)++;
  if (event == RAPI_PATH_EVENT && flowspecs && depth++ == 0) {
    CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_SE, NULL, NULL, 1, filter, 1, &wish) == RAPI_ERR_OK);
    CHECK(rapi_getfd(sid) >= 0);
    CHECK(rapi_dispatch() == RAPI_ERR_OK);
  }
  if (event == RAPI_RESV_EVENT) CHECK(rapi_release(sid) == RAPI_ERR_OK);
}

static void upcalls_that_call(void) {
  struct sockaddr_in to = v4("10.0.0.2", 5000), from = v4("0.0.0.0", 6000);
  rapi_tspec_t tspec = tspec_of(125e3f);
  int count = 0;
  rapi_sid_t sid = rapi_session((rapi_addr_t *)&to, 17, 0, reenter, &count, NULL);
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
  while (rapi_getfd(sid) >= 0) AWAIT(sid, count);
  CHECK(rapi_dispatch() == RAPI_ERR_OK);
}

/* A child has no sessions, and takes nothing away from its parent. */
#include <sys/wait.h>
static void forks(void) {
  heard_t heard = {0};
  rapi_sid_t sid = open_session(0, &heard);
  pid_t child = fork();
  if (child == 0) {
    rapi_tspec_t tspec = tspec_of(125e3f);
    struct sockaddr_in from = v4("0.0.0.0", 6000);
    CHECK(rapi_release(sid) == RAPI_ERR_BADSID && rapi_getfd(sid) == -1);
    CHECK(rapi_dispatch() == RAPI_ERR_OK);
    rapi_sid_t own = open_session(0, NULL);
    CHECK(rapi_sender(own, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  while (heard.count == 0) AWAIT(sid, heard.count);
  CHECK(heard.event == RAPI_PATH_EVENT);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
}

/* Text never goes beyond its buffer. */
static void formats(void) {
  rapi_tspec_t tspec = tspec_of(125e3f);
  rapi_hdr_t empty = {sizeof(rapi_hdr_t), RAPI_EMPTY_OTYPE};
  char text[64];
  for (int length = -1; length <= (int)sizeof text; length++) {
    memset(text, '#', sizeof text);
    rapi_fmt_tspec(&tspec, text, length);
    for (int i = length < 0 ? 0 : length; i < (int)sizeof text; i++) CHECK(text[i] == '#');
    if (length > 0) CHECK(memchr(text, 0, (size_t)length));
  }
  rapi_fmt_tspec(&tspec, NULL, 10);
  rapi_fmt_tspec(NULL, text, sizeof text);
  CHECK(strcmp(text, "TS[ ]") == 0);
  rapi_fmt_flowspec((rapi_flowspec_t *)&empty, text, sizeof text);
  CHECK(strcmp(text, "[ ]") == 0);
  rapi_fmt_adspec((rapi_adspec_t *)&empty, text, sizeof text);
  CHECK(strcmp(text, "Adspec()") == 0);
  rapi_fmt_filtspec(NULL, text, sizeof text);
  CHECK(strcmp(text, "( )") == 0);
}

int main(void) {
  CHECK(rapi_version() == RAPI_VERSION);
  CHECK(rapi_dispatch() == RAPI_ERR_OK);
  CHECK(rapi_getfd(1) == -1);
  CHECK(rapi_release(1) == RAPI_ERR_BADSID);
  CHECK(rapi_strerror(RSVP_Err_NONE, 0) != NULL && rapi_strerror(99, 0) == NULL && rapi_strerror(-1, 0) == NULL);
  CHECK(strstr(rapi_strerror(RAPI_ERR_NORSVP, 0), "daemon") && rapi_strerror(RAPI_ERR_UNSUPPORTED, 0) != NULL);
  refused_sessions();
  rapi_sid_t sid = open_session(0, NULL);
  refused_senders(sid);
  refused_reservations(sid);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
  formats();
  flow_of_control(0);
  flow_of_control(RAPI_USE_INTSERV);
  late_errors();
  lists_and_ipv6();
  adspec_of_a_sender();
  upcalls_that_call();
  forks();
  puts("done");
  return 0;
}
