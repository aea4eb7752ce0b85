/*
 * The header of the PROXY protocol, version 2, which a balancer writes before
 * the bytes of the client that it brings (haproxy's doc/proxy-protocol.txt,
 * section 2.2). Pure.
 */
#ifndef CONNECTION_PROXY_HEADER_H
#define CONNECTION_PROXY_HEADER_H

#include <netinet/in.h>
#include <stddef.h>

#define PROXY_HEADER_START 16  /* bytes that tell how many there are */
#define PROXY_HEADER_MAX   536 /* a segment of TCP that any path carries */

enum proxy_header_result {
	PROXY_HEADER_MORE, /* to tell takes length bytes in all */
	PROXY_HEADER_DONE, /* it is good, and has length bytes */
	PROXY_HEADER_NONE, /* it begins as none does */
	PROXY_HEADER_BAD   /* malformed, longer than that, or of no TCP */
};

struct proxy_header {
	size_t length;
	int is_local; /* the balancer's own connection, as a health check */
	struct sockaddr_in6 source; /* else: who connected; IPv4 is mapped */
};

/*
 * Takes what has come so far, len bytes at buf, at most length of an earlier
 * call. TLVs are passed over.
 */
enum proxy_header_result proxy_header_parse(
    struct proxy_header *header, const void *buf, size_t len);

#endif
