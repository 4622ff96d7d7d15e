/* Threads and children: what another thread is in costs nobody anything. */
#include <rapi.h>

#include <pthread.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

static rapi_sid_t flow(rapi_event_rtn_t *heard, void *argument) {
  struct sockaddr_in to = v4("10.0.0.2", 5000);
  return rapi_session((rapi_addr_t *)&to, 17, 0, heard, argument, NULL);
}

static void send_at(rapi_sid_t sid, float rate) {
  struct sockaddr_in from = v4("0.0.0.0", 6000);
  rapi_tspec_t tspec;
  memset(&tspec, 0, sizeof tspec);
  tspec.len = sizeof(rapi_hdr_t) + sizeof(rapi_qos_tspecx_t);
  tspec.form = RAPI_TSPECTYPE_Simplified;
  tspec.tspecbody_qosx.xtspec_r = tspec.tspecbody_qosx.xtspec_p = rate;
  tspec.tspecbody_qosx.xtspec_b = 10000;
  tspec.tspecbody_qosx.xtspec_M = 1500;
  CHECK(rapi_sender(sid, 0, (rapi_addr_t *)&from, NULL, &tspec, NULL, NULL, 0) == RAPI_ERR_OK);
}

#define UPCALL(name)                                                                                            \
  static void name(rapi_sid_t sid, rapi_eventinfo_t event, rapi_styleid_t style, int code, int value,           \
                   rapi_addr_t *node, unsigned flags, int filters, rapi_filter_t *filter, int flowspecs,        \
                   rapi_flowspec_t *flowspec, int adspecs, rapi_adspec_t *adspec, void *argument)
#define UNUSED                                                                                                  \
  ((void)sid, (void)event, (void)style, (void)code, (void)value, (void)node, (void)flags, (void)filters,        \
   (void)filter, (void)flowspecs, (void)flowspec, (void)adspecs, (void)adspec)

/* ---- A session that is released while another thread is in its upcall ------------------------------------------ */

static int entered[2];

UPCALL(slow) {
  UNUSED;
  int *argument_ = argument;
  CHECK(write(entered[1], "", 1) == 1);
  /* Long enough for a release that does not wait to return, and free what is written here. */
  usleep(200000);
  (*argument_)++;
}

static void *dispatch_once(void *argument) {
  int *fd = argument;
  struct pollfd wait_ = {*fd, POLLIN, 0};
  CHECK(poll(&wait_, 1, 20000) == 1);
  CHECK(rapi_dispatch() == RAPI_ERR_OK);
  return NULL;
}

static void release_waits_for_upcalls(void) {
  int *argument = calloc(1, sizeof *argument);
  char octet;
  CHECK(pipe(entered) == 0);
  rapi_sid_t sid = flow(slow, argument);
  int fd = rapi_getfd(sid);
  send_at(sid, 1000);
  pthread_t other;
  CHECK(pthread_create(&other, NULL, dispatch_once, &fd) == 0);
  CHECK(read(entered[0], &octet, 1) == 1);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
  CHECK(*argument == 1);
  free(argument);
  CHECK(pthread_join(other, NULL) == 0);
  CHECK(rapi_release(sid) == RAPI_ERR_BADSID);
}

/* ---- A session that two threads release, each in an upcall of it ------------------------------------------------ */

static pthread_barrier_t both;
static int results[2], result_count;
static pthread_mutex_t results_lock = PTHREAD_MUTEX_INITIALIZER;

UPCALL(releasing) {
  UNUSED;
  (void)argument;
  pthread_barrier_wait(&both);
  int result = rapi_release(sid);
  CHECK(pthread_mutex_lock(&results_lock) == 0);
  results[result_count++] = result;
  CHECK(pthread_mutex_unlock(&results_lock) == 0);
  /* Neither upcall ends before both calls have. */
  pthread_barrier_wait(&both);
}

static void *dispatch_until_released(void *argument) {
  int *fd = argument, count = 0;
  while (count < 2) {
    /* The other one may have taken what made it readable. */
    struct pollfd wait_ = {*fd, POLLIN, 0};
    CHECK(poll(&wait_, 1, 20000) == 1);
    CHECK(rapi_dispatch() == RAPI_ERR_OK);
    CHECK(pthread_mutex_lock(&results_lock) == 0);
    count = result_count;
    CHECK(pthread_mutex_unlock(&results_lock) == 0);
  }
  return NULL;
}

static void upcalls_that_release_do_not_wait_for_each_other(void) {
  CHECK(pthread_barrier_init(&both, NULL, 2) == 0);
  rapi_sid_t sid = flow(releasing, NULL);
  int fd = rapi_getfd(sid);
  /* An event each. */
  send_at(sid, 1000);
  send_at(sid, 2000);
  pthread_t threads[2];
  alarm(60);
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, dispatch_until_released, &fd) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  alarm(0);
  CHECK(result_count == 2 && results[0] + results[1] == RAPI_ERR_BADSID);
  CHECK(pthread_barrier_destroy(&both) == 0);
}

/* ---- An upcall that forks, and a child that returns from it ----------------------------------------------------- */

static pid_t parent, child;

UPCALL(forking) {
  UNUSED;
  (*(int *)argument)++;
  if (child == 0 && getpid() == parent) child = fork();
}

static void children_return_from_upcalls(void) {
  int count = 0, status, result = RAPI_ERR_OK;
  parent = getpid();
  rapi_sid_t sid = flow(forking, &count);
  send_at(sid, 1000);
  send_at(sid, 2000);
  /* Both events are there before the answer to another call. */
  rapi_sid_t other = flow(NULL, NULL);
  CHECK(other != RAPI_NULL_SID && rapi_release(other) == RAPI_ERR_OK);
  while (count == 0) {
    struct pollfd wait_ = {rapi_getfd(sid), POLLIN, 0};
    CHECK(poll(&wait_, 1, 20000) == 1);
    result = rapi_dispatch();
  }
  if (getpid() != parent) {
    /* The sessions are the parent's, and so is what waits. */
    CHECK(count == 1 && result == RAPI_ERR_NORSVP && rapi_getfd(sid) == -1);
    rapi_sid_t own = flow(NULL, NULL);
    CHECK(own != RAPI_NULL_SID && rapi_release(own) == RAPI_ERR_OK);
    _exit(0);
  }
  CHECK(result == RAPI_ERR_OK);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  while (count < 2) AWAIT(sid, count);
  CHECK(rapi_release(sid) == RAPI_ERR_OK);
}

/* ---- A call of another thread that gets no answer ---------------------------------------------------------------- */

static void *open_in_vain(void *argument) {
  (void)argument;
  CHECK(flow(NULL, NULL) == RAPI_NULL_SID);
  return NULL;
}

static double now(void) {
  struct timespec time;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void nobody_waits_for_a_call(const char *silent) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), status;
  char *daemon = strdup(getenv("RSVP_SOCKET")), octet;
  strncpy(at.sun_path, silent, sizeof at.sun_path - 1);
  CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 1) == 0);
  pid_t pid = fork(); /* a process without a connection yet */
  if (pid == 0) {
    pthread_t other;
    CHECK(setenv("RSVP_SOCKET", silent, 1) == 0);
    CHECK(pthread_create(&other, NULL, open_in_vain, NULL) == 0);
    int connection = accept(listener, NULL, NULL);
    CHECK(read(connection, &octet, 1) == 1); /* it is in the call */
    double start = now();
    CHECK(rapi_dispatch() == RAPI_ERR_OK && rapi_getfd(12345) == -1);
    CHECK(now() - start < 1);
    child = fork();
    if (child == 0) {
      alarm(20);
      CHECK(setenv("RSVP_SOCKET", daemon, 1) == 0);
      rapi_sid_t own = flow(NULL, NULL);
      CHECK(own != RAPI_NULL_SID && rapi_dispatch() == RAPI_ERR_OK && rapi_release(own) == RAPI_ERR_OK);
      _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(pthread_join(other, NULL) == 0);
    _exit(0);
  }
  free(daemon);
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(close(listener) == 0 && unlink(silent) == 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  release_waits_for_upcalls();
  upcalls_that_release_do_not_wait_for_each_other();
  children_return_from_upcalls();
  child = 0;
  nobody_waits_for_a_call(argv[1]);
  puts("done");
  return 0;
}
