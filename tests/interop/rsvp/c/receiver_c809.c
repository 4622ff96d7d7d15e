/* receiver_c809 DESTINATION PORT: reserves for the first sender there is, controlled load; ends when the sender goes. */
#include <rapi.h>

#include "flow.h"

static int asked, confirmed, gone;

static void hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value, rapi_addr_t *node,
                 unsigned int flags, int filters, rapi_filter_t *filter, int flowspecs, rapi_flowspec_t *flowspec,
                 int adspecs, rapi_adspec_t *adspec, void *argument) {
  char text[600];
  (void)style, (void)node, (void)flags, (void)filters, (void)argument;
  if (event == RAPI_RESV_ERROR) fail(rapi_strerror(code, value), value);
  if (event == RAPI_RESV_CONFIRM) {
    confirmed = 1;
    say("confirmed", "");
  }
  if (event != RAPI_PATH_EVENT) return;
  if (flowspecs == 0) {
    gone = asked;
    return;
  }
  if (asked) return;
  rapi_tspec_t *tspec = (rapi_tspec_t *)flowspec;
  rapi_flowspec_t wish;
  rapi_fmt_filtspec(filter, text, sizeof text);
  say("from", text);
  rapi_fmt_tspec(tspec, text, sizeof text);
  say("sends", text);
  if (adspecs == 0) fail("no Adspec", 0);
  rapi_fmt_adspec(adspec, text, sizeof text);
  say("path", text);
  memset(&wish, 0, sizeof wish);
  wish.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_flowspecx_t);
  wish.form = RAPI_FLOWSTYPE_Simplified;
  wish.specbody_qosx.spec_type = RAPI_QOS_CNTR_LOAD;
  wish.specbody_qosx.xspec_Tspec = tspec->tspecbody_qosx.xtspec_Tspec;
  if (wish.specbody_qosx.xspec_M > adspec->adspecbody_qosx.xClaspec_composed_MTU)
    wish.specbody_qosx.xspec_M = adspec->adspecbody_qosx.xClaspec_composed_MTU;
  int error = rapi_reserve(sid, RAPI_REQ_CONFIRM, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, filter, 1, &wish);
  if (error != RAPI_ERR_OK) fail("rapi_reserve", error);
  asked = 1;
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: receiver_c809 DESTINATION PORT", 0);
  struct sockaddr_in to = address(arguments + 1);
  int error;
  rapi_sid_t sid = rapi_session((rapi_addr_t *)&to, IPPROTO_UDP, 0, hear, NULL, &error);
  if (sid == RAPI_NULL_SID) fail("rapi_session", error);
  say("listening", "");
  HEAR_UNTIL(sid, confirmed);
  error = rapi_reserve(sid, 0, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 0, NULL, 0, NULL);
  if (error != RAPI_ERR_OK) fail("rapi_reserve", error);
  HEAR_UNTIL(sid, gone);
  error = rapi_release(sid);
  if (error != RAPI_ERR_OK) fail("rapi_release", error);
  say("gone", "");
  return 0;
}
