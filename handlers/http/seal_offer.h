/*
 * What heads say of sealing. A stone offers it with its ClientHello, which
 * saves a round trip; an agent that takes the offer says so in its answer:
 *
 *	X-Seal: 1 <base64 of TLS records>    in the stone's head
 *	X-Seal: 1                            in the agent's answer
 *	X-Bare: 1                            in a head or answer: a marked
 *session
 *
 * Pure.
 */
#ifndef HTTP_SEAL_OFFER_H
#define HTTP_SEAL_OFFER_H

#include "http/head.h"

#include <stddef.h>

#define SEAL_HELLO_MAX 4096 /* bytes; one with a hybrid group has 1,500 */

/* The fields of an offer as text: base64, names and ends of lines. */
#define SEAL_OFFER_MAX (SEAL_HELLO_MAX / 3 * 4 + 64)

#define SEAL_ANSWER_FIELD "X-Seal: 1\r\n"
#define SEAL_BARE_FIELD   "X-Bare: 1\r\n"

struct seal_offer {
	size_t len; /* of hello; 0: there is no offer */
	int marked; /* X-Bare is the last field: a relay has written it */
	unsigned char hello[SEAL_HELLO_MAX];
};

/*
 * Finds the offer among the fields of the parsed head in buf. Returns 0, or -1
 * where X-Seal is there twice or is no offer.
 */
int seal_offer_read(
    struct seal_offer *offer, const struct head *head, const char *buf);

/*
 * Writes the fields of an offer with the len bytes of hello, at most
 * SEAL_HELLO_MAX, and with X-Bare or without. Returns their length.
 */
size_t seal_offer_write(char out[static SEAL_OFFER_MAX],
    const unsigned char *hello, size_t len, int bare);

#endif
