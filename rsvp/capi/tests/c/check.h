/* What the programs of these tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) \
  ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), exit(1)))

/* An IPv4 socket address, port in host order. */
static inline struct sockaddr_in v4(const char *address, int port) {
  struct sockaddr_in in;
  memset(&in, 0, sizeof in);
  in.sin_family = AF_INET;
  in.sin_port = htons((uint16_t)port);
  CHECK(inet_pton(AF_INET, address, &in.sin_addr) == 1);
  return in;
}

/* The same for IPv6. */
static inline struct sockaddr_in6 v6(const char *address, int port) {
  struct sockaddr_in6 in;
  memset(&in, 0, sizeof in);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons((uint16_t)port);
  CHECK(inet_pton(AF_INET6, address, &in.sin6_addr) == 1);
  return in;
}

/* Waits for the descriptor and dispatches, until `*counter` has grown. */
#define AWAIT(sid, counter)                                                  \
  do {                                                                       \
    int before_ = (counter);                                                 \
    while ((counter) == before_) {                                           \
      struct pollfd wait_ = {rapi_getfd(sid), POLLIN, 0};                    \
      CHECK(wait_.fd >= 0);                                                  \
      CHECK(poll(&wait_, 1, 20000) == 1);                                    \
      CHECK(rapi_dispatch() == RAPI_ERR_OK);                                 \
    }                                                                        \
  } while (0)

#endif
