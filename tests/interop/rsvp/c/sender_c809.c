/* sender_c809 DESTINATION PORT SOURCE PORT: a sender, from its first Path to the end of its reservation. */
#include <rapi.h>

#include "flow.h"

static int reserved, removed;

static void hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value, rapi_addr_t *node,
                 unsigned int flags, int filters, rapi_filter_t *filter, int flowspecs, rapi_flowspec_t *flowspec,
                 int adspecs, rapi_adspec_t *adspec, void *argument) {
  char text[600];
  (void)sid, (void)style, (void)node, (void)flags, (void)filters, (void)filter, (void)adspecs, (void)adspec;
  (void)argument;
  if (event == RAPI_PATH_ERROR) fail(rapi_strerror(code, value), value);
  if (event != RAPI_RESV_EVENT) return;
  if (flowspecs) {
    reserved = 1;
    rapi_fmt_flowspec(flowspec, text, sizeof text);
    say("reserved", text);
  } else if (reserved) {
    removed = 1;
    say("removed", "");
  }
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: sender_c809 DESTINATION PORT SOURCE PORT", 0);
  struct sockaddr_in to = address(arguments + 1), from = address(arguments + 3);
  rapi_tspec_t tspec;
  int error;
  rapi_sid_t sid = rapi_session((rapi_addr_t *)&to, IPPROTO_UDP, 0, hear, NULL, &error);
  if (sid == RAPI_NULL_SID) fail("rapi_session", error);
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_tspecx_t);
  tspec.form = RAPI_TSPECTYPE_Simplified;
  tspec.tspecbody_qosx.spec_type = RAPI_QOS_TSPEC;
  tspec.tspecbody_qosx.xtspec_r = 125000;
  tspec.tspecbody_qosx.xtspec_b = 10000;
  tspec.tspecbody_qosx.xtspec_p = 250000;
  tspec.tspecbody_qosx.xtspec_m = 64;
  tspec.tspecbody_qosx.xtspec_M = 1000;
  error = rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 63);
  if (error != RAPI_ERR_OK) fail("rapi_sender", error);
  say("sending", "");
  HEAR_UNTIL(sid, removed);
  error = rapi_release(sid);
  if (error != RAPI_ERR_OK) fail("rapi_release", error);
  return 0;
}
