/* sender_os2 DESTINATION PORT SOURCE PORT: a sender, from its first Path to the end of its reservation. */
#include <rsvprapi.h>

#include "flow.h"

static int reserved, removed;

static int _System hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value,
                        struct sockaddr *node, unsigned char flags, int filters, rapi_filter_t *filter, int flowspecs,
                        rapi_flowspec_t *flowspec, int adspecs, rapi_adspec_t *adspec, void *argument) {
  char text[600];
  (void)sid, (void)style, (void)node, (void)flags, (void)filters, (void)filter, (void)adspecs, (void)adspec;
  (void)argument;
  if (event == RAPI_PATH_ERROR) fail("path error", 1000 * code + value);
  if (event != RAPI_RESV_EVENT) return 0;
  if (flowspecs) {
    reserved = 1;
    rapi_fmt_flowspec(flowspec, text, sizeof text);
    say("reserved", text);
  } else if (reserved) {
    removed = 1;
    say("removed", "");
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: sender_os2 DESTINATION PORT SOURCE PORT", 0);
  struct sockaddr_in to = address(arguments + 1), from = address(arguments + 3);
  rapi_tspec_t tspec;
  int error;
  rapi_sid_t sid = rapi_session((struct sockaddr *)&to, IPPROTO_UDP, 0, hear, NULL, &error);
  if (sid == NULL_SID) fail("rapi_session", error);
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof tspec;
  tspec.form = RAPI_FORMAT_IS_GEN;
  tspec.tspec_r = 125000;
  tspec.tspec_b = 10000;
  tspec.tspec_p = 250000;
  tspec.tspec_m = 64;
  tspec.tspec_M = 1000;
  error = rapi_sender(sid, 0, (struct sockaddr *)&from, NULL, &tspec, NULL, NULL, 63);
  if (error != RAPI_ERR_OK) fail("rapi_sender", error);
  say("sending", "");
  HEAR_UNTIL(sid, removed);
  error = rapi_release(sid);
  if (error != RAPI_ERR_OK) fail("rapi_release", error);
  return 0;
}
