/* receiver_os2 DESTINATION PORT: reserves for the first sender there is, guaranteed service; ends when the sender goes. */
#include <rsvprapi.h>

#include "flow.h"

static int asked, confirmed, gone;

static int _System hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value,
                        struct sockaddr *node, unsigned char flags, int filters, rapi_filter_t *filter, int flowspecs,
                        rapi_flowspec_t *flowspec, int adspecs, rapi_adspec_t *adspec, void *argument) {
  char text[600];
  (void)style, (void)node, (void)flags, (void)filters, (void)argument;
  if (event == RAPI_RESV_ERROR) fail("reservation error", 1000 * code + value);
  if (event == RAPI_RESV_CONFIRM) {
    confirmed = 1;
    say("confirmed", "");
  }
  if (event != RAPI_PATH_EVENT) return 0;
  if (flowspecs == 0) {
    gone = asked;
    return 0;
  }
  if (asked) return 0;
  rapi_tspec_t *tspec = (rapi_tspec_t *)flowspec;
  rapi_flowspec_t wish;
  rapi_fmt_filtspec(filter, text, sizeof text);
  say("from", text);
  rapi_fmt_tspec(tspec, text, sizeof text);
  say("sends", text);
  if (adspecs == 0) fail("no Adspec", 0);
  rapi_fmt_adspec(adspec, text, sizeof text);
  say("path", text);
  if (!adspec->specbody_u.IS_Adspec.Guar_present) fail("no guaranteed service", 0);
  memset(&wish, 0, sizeof wish);
  wish.len = sizeof(rapi_hdr_t) + sizeof(Guar_flowspec_t);
  wish.form = RAPI_FORMAT_IS_GUAR;
  wish.specbody_u.IS_Guar.Guar_Tspec = tspec->specbody_u.IS_Tspec;
  if (wish.guar_tspec_M > adspec->specbody_u.IS_Adspec.Guar_Adspec.composedMTU)
    wish.guar_tspec_M = adspec->specbody_u.IS_Adspec.Guar_Adspec.composedMTU;
  wish.guar_rspec_R = 200000;
  wish.guar_rspec_S = 0;
  int error = rapi_reserve(sid, RAPI_REQ_CONFIRM, NULL, RAPI_RSTYLE_FIXED, NULL, NULL, 1, filter, 1, &wish);
  if (error != RAPI_ERR_OK) fail("rapi_reserve", error);
  asked = 1;
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: receiver_os2 DESTINATION PORT", 0);
  struct sockaddr_in to = address(arguments + 1);
  int error;
  rapi_sid_t sid = rapi_session((struct sockaddr *)&to, IPPROTO_UDP, 0, hear, NULL, &error);
  if (sid == NULL_SID) fail("rapi_session", error);
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
