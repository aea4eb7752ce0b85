/*
 * The relay's answer to a poll or to a stone: the head of an HTTP response.
 * Pure.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stddef.h>

#define RESPONSE_MAX_BYTES 8192

struct response {
	int status;
	char reason[128];   /* X-Reason, or else the status line's */
	int explained;      /* it is X-Reason: a relay's, or an agent's */
	char customer[128]; /* X-Customer, or "" */
	char mux[8];        /* X-Mux, or "" */
	char check[64];     /* X-Check, or "" */
	char date[32];      /* Date, or "" */
	char seal[4];       /* X-Seal, or "" */
	char bare[4];       /* X-Bare, or "" */
	char park[8];       /* X-Park, or "" */
	size_t length;      /* of the head, with its empty line */
};

/*
 * Parses the head at buf's start. Returns 1, 0 while its end has not come, or
 * -1 where it is no HTTP response or longer than RESPONSE_MAX_BYTES.
 */
int response_parse(struct response *r, const char *buf, size_t len);

#endif
