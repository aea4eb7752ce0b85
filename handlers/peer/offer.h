/*
 * What is in OPEN and REFUSED (frame.h). Pure: bytes to a struct and back, with
 * every length checked.
 */
#ifndef PEER_OFFER_H
#define PEER_OFFER_H

#include "ipc/message.h"

#include <stddef.h>
#include <stdint.h>

#define OFFER_VERSION  2    /* 1 has no proof */
#define OFFER_WAIT_MAX 3000 /* milliseconds */
#define OFFER_MAX                                                              \
	(32 + NETADDR_TEXT_MAX + CUSTOMER_NAME_SIZE + MESSAGE_DER_MAX +        \
	    MESSAGE_PROOF_MAX)

/* OPEN: the stone. */
struct offer {
	uint32_t version; /* 1 to OFFER_VERSION */
	uint32_t id;      /* there, for the logs of both */
	uint32_t wants;   /* as in REGISTER */
	uint32_t wait_ms; /* how long an agent is waited for, at most */
	uint32_t der_len, chain_len; /* of its certificate, and those above */
	uint32_t proof_len; /* of its handshake's messages (tls/transcript.h) */
	char peer[NETADDR_TEXT_MAX];
	struct customer_key key; /* as that relay knows it */
	const uint8_t *der;      /* borrowed; chain and proof are behind it */
};

/* Writes it, in o's version. Returns its length, at most OFFER_MAX. */
size_t offer_encode(const struct offer *o, uint8_t out[static OFFER_MAX]);

/* Reads it; o->der points into buf. Returns 0, or -1 where it is not valid. */
int offer_decode(struct offer *o, const uint8_t *buf, size_t len);

/* What a refusal concerns, and so who need not ask again soon. */
enum refused_scope {
	REFUSED_NODE = 1, /* the relay itself */
	REFUSED_KEY,      /* who has this customer's certificate */
	REFUSED_STONE,    /* this stone */
};

struct refused {
	uint16_t scope;                  /* enum refused_scope */
	uint16_t status;                 /* HTTP status, 400 to 599 */
	char reason[MESSAGE_REASON_MAX]; /* plain ASCII */
};

#define REFUSED_MAX (4 + MESSAGE_REASON_MAX)

/* The same for REFUSED. */
size_t refused_encode(const struct refused *r, uint8_t out[static REFUSED_MAX]);
int refused_decode(struct refused *r, const uint8_t *buf, size_t len);

#endif
