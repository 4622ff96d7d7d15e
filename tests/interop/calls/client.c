/*
 * Calls ECHO_PROG of echo.x through libtirpc and what the C rpcgen wrote, and checks the answers.
 * usage: client udp|tcp PORT | local PATH       prints "agrees", or what does not
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

static CLIENT *client;

static void fail(const char *what)
{
	printf("%s: %s\n", what, client ? clnt_sperror(client, "") : "no client");
	exit(1);
}

static CLIENT *connected(const char *how, const char *where)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} a = { 0 };
	struct netbuf to = { .buf = &a };
	int local = !strcmp(how, "local"), udp = !strcmp(how, "udp");
	int fd = socket(local ? AF_UNIX : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (local) {
		a.un.sun_family = AF_UNIX;
		strncpy(a.un.sun_path, where, sizeof a.un.sun_path - 1);
		to.len = to.maxlen = sizeof a.un;
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((unsigned short)atoi(where));
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		to.len = to.maxlen = sizeof a.in;
	}
	if (udp)
		return clnt_dg_create(fd, &to, ECHO_PROG, ECHO_VERS, 0, 0);
	if (connect(fd, &a.any, to.len))
		return NULL;
	return clnt_vc_create(fd, &to, ECHO_PROG, ECHO_VERS, 0, 0);
}

static void echo(unsigned int length)
{
	echo_blob blob = { length, malloc(length + 1) }, *back;
	for (unsigned int i = 0; i < length; i++)
		blob.echo_blob_val[i] = (char)(i * 31 + length);
	back = echo_blob_1(&blob, client);
	if (!back)
		fail("blob");
	if (back->echo_blob_len != length || memcmp(back->echo_blob_val, blob.echo_blob_val, length)) {
		printf("%u octets came back changed\n", length);
		exit(1);
	}
	clnt_freeres(client, (xdrproc_t)xdr_echo_blob, back);
	free(blob.echo_blob_val);
}

int main(int argc, char **argv)
{
	if (argc != 3 || !(client = connected(argv[1], argv[2])))
		fail("connect");
	for (int with_user = 0; with_user < 2; with_user++) {
		if (with_user)
			client->cl_auth = authunix_create_default();
		if (!echo_null_1(NULL, client))
			fail("null");
		for (unsigned int length = 0; length < 9; length++)
			echo(length);
		echo(1500);
		echo(8000);
		if (strcmp(argv[1], "udp"))
			echo(1 << 20);
		u_int pad = 0xdeadbeef;
		echo_stat *stat = echo_stat_1(&pad, client);
		if (!stat || stat->calls != 7 || stat->pad != pad)
			fail("stat");
		/* What is not there is refused, each in its way. */
		struct timeval limit = { 5, 0 };
		if (clnt_call(client, 99, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, limit) != RPC_PROCUNAVAIL)
			fail("procedure 99");
		if (clnt_call(client, ECHO_BLOB, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, limit) != RPC_CANTDECODEARGS)
			fail("no arguments");
		u_int32_t version = 9;
		clnt_control(client, CLSET_VERS, (char *)&version);
		struct rpc_err error;
		if (clnt_call(client, 0, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, limit) != RPC_PROGVERSMISMATCH)
			fail("version 9");
		clnt_geterr(client, &error);
		if (error.re_vers.low != 1 || error.re_vers.high != 1)
			fail("range of versions");
		version = ECHO_VERS;
		clnt_control(client, CLSET_VERS, (char *)&version);
	}
	puts("agrees");
	return 0;
}
