/*
 * ECHO_PROG of echo.x served by libtirpc and what the C rpcgen wrote: UDP and TCP on free ports of 127.0.0.1, and a local stream socket.
 * usage: server PATH        prints "UDP-PORT TCP-PORT" when it is ready
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <rpc/rpc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "echo.h"

extern void echo_prog_1(struct svc_req *, SVCXPRT *);

void *echo_null_1_svc(void *a, struct svc_req *r)
{
	static char nothing;
	(void)a, (void)r;
	return &nothing;
}

echo_blob *echo_blob_1_svc(echo_blob *blob, struct svc_req *r)
{
	(void)r;
	return blob;
}

echo_stat *echo_stat_1_svc(u_int *pad, struct svc_req *r)
{
	static echo_stat stat;
	(void)r;
	stat.calls = 7; /* the same for every server that is compared */
	stat.pad = *pad;
	return &stat;
}

static int bound(int type, int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof a;
	int fd = socket(AF_INET, type, 0);
	if (bind(fd, (void *)&a, sizeof a) || (type == SOCK_STREAM && listen(fd, 8)) || getsockname(fd, (void *)&a, &length))
		exit(1);
	*port = ntohs(a.sin_port);
	return fd;
}

static int bound_locally(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	if (bind(fd, (void *)&a, sizeof a) || listen(fd, 8))
		exit(1);
	return fd;
}

int main(int argc, char **argv)
{
	int udp, tcp;
	if (argc != 2)
		return 1;
	SVCXPRT *transports[] = {
		svc_dg_create(bound(SOCK_DGRAM, &udp), 0, 0),
		svc_vc_create(bound(SOCK_STREAM, &tcp), 0, 0),
		svc_vc_create(bound_locally(argv[1]), 0, 0),
	};
	for (int i = 0; i < 3; i++)
		if (!transports[i] || !svc_reg(transports[i], ECHO_PROG, ECHO_VERS, echo_prog_1, NULL))
			return 2;
	printf("%d %d\n", udp, tcp);
	fflush(stdout);
	svc_run();
	return 3;
}
