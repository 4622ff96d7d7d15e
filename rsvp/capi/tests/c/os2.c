/* The calls of rsvprapi.h, one after another, against a daemon that brings senders and receivers together. */
#include <rsvprapi.h>

#include "check.h"

/* The last upcall of a session, copied. */
typedef struct {
  int count;
  rapi_sid_t sid;
  rapi_eventinfo_t event;
  rapi_styleid_t style;
  int code, value;
  struct sockaddr_in node;
  int flags, filters, flowspecs, adspecs;
  rapi_filter_t filter[4];
  rapi_flowspec_t flowspec[4];
  rapi_adspec_t adspec[4];
} heard_t;

/* Array members are copied whole: the library's are of full size. */
static int _System hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value,
                        struct sockaddr *node, unsigned char flags, int filters, rapi_filter_t *filter, int flowspecs,
                        rapi_flowspec_t *flowspec, int adspecs, rapi_adspec_t *adspec, void *argument) {
  heard_t *heard = argument;
  CHECK((filters == 0) == (filter == NULL));
  CHECK((flowspecs == 0) == (flowspec == NULL));
  CHECK((adspecs == 0) == (adspec == NULL));
  CHECK(filters <= 4 && flowspecs <= 4 && adspecs <= 4);
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
  for (int i = 0; i < filters; i++) heard->filter[i] = filter[i];
  for (int i = 0; i < flowspecs; i++) heard->flowspec[i] = flowspec[i];
  for (int i = 0; i < adspecs; i++) heard->adspec[i] = adspec[i];
  return 0;
}

static rapi_tspec_t tspec_of(float rate) {
  rapi_tspec_t tspec;
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof tspec;
  tspec.form = RAPI_FORMAT_IS_GEN;
  tspec.tspec_r = rate;
  tspec.tspec_b = 10000;
  tspec.tspec_p = 2 * rate;
  tspec.tspec_m = 64;
  tspec.tspec_M = 1500;
  return tspec;
}

static rapi_flowspec_t load_of(float rate) {
  rapi_flowspec_t flowspec;
  memset(&flowspec, 0, sizeof flowspec);
  flowspec.len = sizeof(rapi_hdr_t) + sizeof(CL_flowspec_t);
  flowspec.form = RAPI_FORMAT_IS_CL;
  flowspec.cl_tspec_r = rate;
  flowspec.cl_tspec_b = 10000;
  flowspec.cl_tspec_p = 2 * rate;
  flowspec.cl_tspec_m = 64;
  flowspec.cl_tspec_M = 1500;
  return flowspec;
}

static rapi_flowspec_t guaranteed_of(float rate) {
  rapi_flowspec_t flowspec = load_of(rate);
  flowspec.len = sizeof(rapi_hdr_t) + sizeof(Guar_flowspec_t);
  flowspec.form = RAPI_FORMAT_IS_GUAR;
  flowspec.guar_rspec_R = rate;
  flowspec.guar_rspec_S = 17;
  return flowspec;
}

static rapi_sid_t open_session(heard_t *heard) {
  struct sockaddr_in to = v4("10.0.0.2", 5000);
  int error = -1;
  rapi_sid_t sid = rapi_session((struct sockaddr *)&to, 17, 0, heard ? hear : NULL, heard, &error);
  CHECK(sid != NULL_SID && error == RAPI_ERR_OK);
  return sid;
}

static void refusals(rapi_sid_t sid) {
  struct sockaddr_in to = v4("10.0.0.2", 5000), from = v4("0.0.0.0", 6000);
  struct sockaddr *host = (struct sockaddr *)&from;
  rapi_tspec_t tspec = tspec_of(125e3f), bad = tspec;
  rapi_flowspec_t flowspec = load_of(125e3f);
  rapi_filter_t filter;
  int error = -1;
  CHECK(rapi_session(NULL, 17, 0, hear, NULL, &error) == NULL_SID && error == RAPI_ERR_INVAL);
  CHECK(rapi_session((struct sockaddr *)&to, 17, 1, hear, NULL, &error) == NULL_SID);
  CHECK(error == RAPI_ERR_UNSUPPORTED);
  CHECK(rapi_sender(sid + 7, 0, host, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_BADSID);
  CHECK(rapi_sender(sid, 0, host, NULL, NULL, NULL, NULL, 0) == RAPI_ERR_NOTSPEC);
  bad.len = sizeof bad - 1;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_OBJLEN);
  bad = tspec;
  bad.form = RAPI_FORMAT_IS_CL;
  CHECK(rapi_sender(sid, 0, host, NULL, &bad, NULL, NULL, 0) == RAPI_ERR_OBJTYPE);
  memset(&filter, 0, sizeof filter);
  filter.len = sizeof(rapi_hdr_t) + sizeof(rapi_filter_base_t);
  filter.form = RAPI_FILTERFORM_1;
  CHECK(rapi_sender(sid, 0, host, &filter, &tspec, NULL, NULL, 0) == RAPI_ERR_UNSUPPORTED);
  CHECK(rapi_reserve(sid, 0, NULL, (rapi_styleid_t)0, NULL, NULL, 0, NULL, 0, NULL) == RAPI_ERR_BADSTYLE);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 2, NULL, 1, NULL) == RAPI_ERR_N_FFS);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, NULL, 1, &flowspec) == RAPI_ERR_INVAL);
  CHECK(rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, &filter, 1, &flowspec) == RAPI_ERR_OBJTYPE);
}

/* Three senders and a receiver in one program: arrays. */
static void flow_of_control(void) {
  heard_t at_sender = {0}, at_receiver = {0};
  rapi_sid_t receiver = open_session(&at_receiver), senders[3];
  char text[600];
  for (int i = 0; i < 3; i++) {
    struct sockaddr_in from = v4("0.0.0.0", 6000 + i);
    rapi_tspec_t tspec = tspec_of(1000.0f * (float)(i + 1));
    senders[i] = open_session(i ? NULL : &at_sender);
    CHECK(rapi_sender(senders[i], TC_QOS_POLICE, (struct sockaddr *)&from, NULL, &tspec, NULL, NULL, 0) ==
          RAPI_ERR_OK);
  }
  while (at_receiver.filters != 3) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.sid == receiver && at_receiver.event == RAPI_PATH_EVENT && at_receiver.style == 0);
  CHECK(at_receiver.flowspecs == 3 && at_receiver.adspecs == 3);
  for (int i = 0; i < 3; i++) {
    rapi_filter_t *filter = &at_receiver.filter[i];
    rapi_tspec_t *tspec = (rapi_tspec_t *)&at_receiver.flowspec[i];
    rapi_adspec_t *adspec = &at_receiver.adspec[i];
    IS_adspec_t *path = &adspec->specbody_u.IS_Adspec;
    CHECK(filter->form == RAPI_FILTERFORM_BASE && filter->filter.base.sender.sin_port == htons((uint16_t)(6000 + i)));
    CHECK(filter->len == sizeof(rapi_hdr_t) + sizeof(rapi_filter_base_t));
    CHECK(tspec->form == RAPI_FORMAT_IS_GEN && tspec->len == sizeof *tspec);
    CHECK(tspec->tspec_r == 1000.0f * (float)(i + 1) && tspec->tspec_M == 1500);
    CHECK(adspec->form == RAPI_ADSPEC_IS && adspec->len == sizeof *adspec);
    CHECK(path->Gen_Adspec.ISHops == 1 && path->Gen_Adspec.pathBW == 1.25e6f && !path->Gen_Adspec.servBreak);
    CHECK(path->CL_present && path->CL_Adspec.composedMTU == 1500);
    CHECK(path->Guar_present && path->Guar_Adspec.Ctot == 4500 && path->Guar_Adspec.Dtot == 3000);
    rapi_fmt_filtspec(filter, text, sizeof text);
    CHECK(strncmp(text, "127.0.0.1:600", 13) == 0);
    rapi_fmt_adspec(adspec, text, sizeof text);
    CHECK(strncmp(text, "Adspec( 1 hop", 13) == 0);
    rapi_fmt_tspec(tspec, text, sizeof text);
    CHECK(strncmp(text, "[T=[", 4) == 0);
  }

  /* The array of filters as it came; the last one no longer than it says. */
  size_t used = 2 * sizeof(rapi_filter_t) + at_receiver.filter[2].len;
  rapi_filter_t *filters = malloc(used);
  memcpy(filters, at_receiver.filter, used);
  rapi_flowspec_t flowspecs[3] = {guaranteed_of(1000), load_of(2000), load_of(3000)};
  CHECK(rapi_reserve(receiver, RAPI_REQ_CONFIRM, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 3, filters, 3, flowspecs) ==
        RAPI_ERR_OK);
  free(filters);
  while (at_receiver.event != RAPI_RESV_CONFIRM) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.filters == 3 && at_receiver.adspecs == 0);
  while (at_sender.event != RAPI_RESV_EVENT) AWAIT(senders[0], at_sender.count);
  CHECK(at_sender.style == RAPI_RSTYLE_FIXED && at_sender.filters == 1 && at_sender.flowspecs == 1);
  CHECK(at_sender.flowspec[0].form == RAPI_FORMAT_IS_GUAR && at_sender.flowspec[0].guar_rspec_R == 1000.0f);
  CHECK(at_sender.flowspec[0].guar_rspec_S == 17);
  rapi_fmt_flowspec(&at_sender.flowspec[0], text, sizeof text);
  CHECK(strncmp(text, "[G R=1K S=17", 12) == 0);

  rapi_flowspec_t much = load_of(1e9f);
  CHECK(rapi_reserve(receiver, 0, NULL, RAPI_RSTYLE_WILDCARD, NULL, NULL, 0, NULL, 1, &much) == RAPI_ERR_OK);
  while (at_receiver.event != RAPI_RESV_ERROR) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.code == 1 && at_receiver.value == 2 && at_receiver.flags == RAPI_ERRF_NotGuilty);
  CHECK(at_receiver.style == RAPI_RSTYLE_WILDCARD);

  struct sockaddr_in stranger = v4("192.0.2.99", 6000);
  rapi_tspec_t tspec = tspec_of(1000);
  CHECK(rapi_sender(receiver, 0, (struct sockaddr *)&stranger, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
  while (at_receiver.event != RAPI_PATH_ERROR) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.code == 20 && at_receiver.value == RAPI_ERR_BADSEND);

  for (int i = 0; i < 3; i++) CHECK(rapi_sender(senders[i], 0, NULL, NULL, NULL, NULL, NULL, 0) == RAPI_ERR_OK);
  while (at_receiver.event != RAPI_PATH_EVENT || at_receiver.flowspecs) AWAIT(receiver, at_receiver.count);
  CHECK(at_receiver.filters == 0 && at_receiver.adspecs == 0);
  for (int i = 0; i < 3; i++) CHECK(rapi_release(senders[i]) == RAPI_ERR_OK);
  CHECK(rapi_release(receiver) == RAPI_ERR_OK && rapi_release(receiver) == RAPI_ERR_BADSID);
}

int main(void) {
  CHECK(rapi_version() == 400);
  CHECK(rapi_dispatch() == RAPI_ERR_OK && rapi_getfd(1) == -1);
  rapi_sid_t sid = open_session(NULL);
  refusals(sid);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
  flow_of_control();
  puts("done");
  return 0;
}
