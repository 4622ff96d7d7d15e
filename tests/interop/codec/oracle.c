/*
 * Half of the codec comparison that speaks for C: runs the functions that rpcgen wrote over libtirpc's memory streams.
 * The test writes a table of them (`oracle_entries`, `oracle_entry_count`) and includes this file behind it.
 *
 * stdin, one question after another, integers in network order:
 *     function (all ones: flush the answers, nothing else follows)   mode (ignored)   length   octets
 * stdout, an answer for each:
 *     verdict (0 refused, 1 accepted, 2 accepted but not encodable)   octets consumed   length   re-encoded octets
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define OUTPUT_MAX (1u << 20)

static uint32_t number(void)
{
	uint32_t v;
	if (fread(&v, sizeof v, 1, stdin) != 1)
		exit(0);
	return ntohl(v);
}

static void put(uint32_t v)
{
	v = htonl(v);
	fwrite(&v, sizeof v, 1, stdout);
}

int main(void)
{
	/* An array that announces millions of elements is refused by malloc, quickly, instead of by the end of the input. */
	struct rlimit limit = { 64u << 20, 64u << 20 };
	setrlimit(RLIMIT_DATA, &limit);
	static char input[1u << 20], output[OUTPUT_MAX];
	for (;;) {
		uint32_t function = number();
		if (function == UINT32_MAX) {
			fflush(stdout);
			continue;
		}
		number();
		uint32_t length = number();
		if (function >= oracle_entry_count || length > sizeof input || fread(input, 1, length, stdin) != length)
			exit(1);
		const struct oracle_entry *e = &oracle_entries[function];
		void *object = calloc(1, e->size);
		XDR x;
		xdrmem_create(&x, input, length, XDR_DECODE);
		uint32_t verdict = e->proc(&x, object) ? 1 : 0, consumed = xdr_getpos(&x), written = 0;
		if (verdict) {
			/* An own stack frame of zeros would hide what C leaves in padding; libtirpc writes zeros itself. */
			memset(output, 0xa5, 4096);
			xdrmem_create(&x, output, sizeof output, XDR_ENCODE);
			if (e->proc(&x, object))
				written = xdr_getpos(&x);
			else
				verdict = 2;
		}
		xdr_free(e->proc, object);
		free(object);
		put(verdict);
		put(consumed);
		put(written);
		fwrite(output, 1, written, stdout);
	}
}
