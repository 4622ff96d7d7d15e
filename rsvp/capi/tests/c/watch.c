/* A sender that says what it hears: a line for each upcall and for each time the daemon is missed. */
#include <rapi.h>
#include <sys/auxv.h>

#include "check.h"

static void hear(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value, rapi_addr_t *node,
                 unsigned flags, int filters, rapi_filter_t *filter, int flowspecs, rapi_flowspec_t *flowspec,
                 int adspecs, rapi_adspec_t *adspec, void *argument) {
  (void)sid, (void)style, (void)node, (void)flags, (void)filters, (void)filter;
  (void)flowspec, (void)adspecs, (void)adspec, (void)argument;
  printf("event %d code %d value %d flowspecs %d\n", event, code, value, flowspecs);
  fflush(stdout);
}

int main(int argc, char **argv) {
  struct sockaddr_in to = v4("10.0.0.2", 5000), from = v4("0.0.0.0", 6000);
  rapi_tspec_t tspec;
  int error;
  if (argc > 1 && strcmp(argv[1], "secure") == 0) printf("secure: %lu\n", getauxval(AT_SECURE));
  rapi_sid_t sid = rapi_session((rapi_addr_t *)&to, 17, 0, hear, NULL, &error);
  if (sid == RAPI_NULL_SID) {
    if (error == RAPI_ERR_SYSCALL) printf("errno %d ", errno);
    printf("no session: %d\n", error);
    return 1;
  }
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_tspecx_t);
  tspec.form = RAPI_TSPECTYPE_Simplified;
  tspec.tspecbody_qosx.xtspec_r = tspec.tspecbody_qosx.xtspec_p = 1000;
  tspec.tspecbody_qosx.xtspec_b = 10000;
  tspec.tspecbody_qosx.xtspec_M = 1500;
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
  if (argc > 1 && strcmp(argv[1], "fork") == 0) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      /* It stays, and has nothing to do with RSVP. */
      close(1), close(2), alarm(60);
      for (;;) pause();
    }
    printf("child %d\n", child);
  }
  puts("ready");
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "deaf") == 0) {
    for (;;) pause();
  }
  for (;;) {
    struct pollfd wait = {rapi_getfd(sid), POLLIN, 0};
    CHECK(poll(&wait, 1, -1) == 1);
    int result = rapi_dispatch();
    if (result != RAPI_ERR_OK) {
      printf("dispatch %d\n", result);
      fflush(stdout);
    }
  }
}
