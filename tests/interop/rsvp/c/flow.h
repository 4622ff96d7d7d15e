/* What the four programs of a flow share, whichever header they use. */
#ifndef FLOW_H
#define FLOW_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Says what went wrong, and ends. */
static inline void fail(const char *what, int code) {
  fprintf(stderr, "%s: %d\n", what, code);
  exit(1);
}

/* The IPv4 address and port of two arguments. */
static inline struct sockaddr_in address(char **arguments) {
  struct sockaddr_in in;
  memset(&in, 0, sizeof in);
  in.sin_family = AF_INET;
  in.sin_port = htons((uint16_t)atoi(arguments[1]));
  if (inet_pton(AF_INET, arguments[0], &in.sin_addr) != 1) fail(arguments[0], 0);
  return in;
}

/* Says something at once. */
static inline void say(const char *what, const char *object) {
  printf("%s %s\n", what, object);
  fflush(stdout);
}

/* Waits for events and hears them, until `*done`. */
#define HEAR_UNTIL(sid, done)                                   \
  while (!(done)) {                                             \
    struct pollfd wait_ = {rapi_getfd(sid), POLLIN, 0};         \
    if (poll(&wait_, 1, 60000) != 1) fail("nothing comes", 0);  \
    int result_ = rapi_dispatch();                              \
    if (result_ != RAPI_ERR_OK) fail("rapi_dispatch", result_); \
  }

#endif
