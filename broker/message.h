/*
 * The messages between a handler and the broker, one SOCK_SEQPACKET packet
 * each: a header, then the type's own struct, in native byte order (both live
 * on one host, built from one tree). REGISTER and ANNOUNCE end with the
 * certificate. Whatever arrives is checked in one place, message_decode.
 *
 *	handler -> broker: REGISTER, WAIT_AGAIN, END, ANNOUNCE
 *	broker -> handler: WELCOME, REFUSED, MATCHED (with the session's fd)
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "customer.h"
#include "netaddr.h"

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_VERSION    1
#define MESSAGE_DER_MAX    16384 /* bytes; real leaf certificates have < 4 KiB */
#define MESSAGE_REASON_MAX 80    /* fits a status line */

enum role { ROLE_AGENT = 1, ROLE_STONE = 2 };

enum message_type {
	MESSAGE_REGISTER = 1,
	MESSAGE_WELCOME,
	MESSAGE_REFUSED,
	MESSAGE_MATCHED,
	MESSAGE_WAIT_AGAIN,
	MESSAGE_END,
	MESSAGE_ANNOUNCE,
};

struct message_header {
	uint16_t version; /* MESSAGE_VERSION */
	uint16_t type;    /* enum message_type */
	uint32_t length;  /* of the whole packet, bytes */
};

/* "This certificate's stone or agent is here and waits." */
struct message_register {
	uint32_t role;               /* enum role */
	uint32_t der_len;            /* 1 to MESSAGE_DER_MAX, follows */
	uint64_t agent;              /* the agent process, 0 if unknown */
	char peer[NETADDR_TEXT_MAX]; /* address, for the log */
};

/* "Wait"; the agent's entitlement. */
struct message_welcome {
	char customer[CUSTOMER_TEXT_MAX]; /* the X-Customer value */
};

/* "Tell your client so, and end." */
struct message_refused {
	uint32_t status; /* HTTP status, 400 to 599 */
	char reason[MESSAGE_REASON_MAX];
};

/* "Here is the other side": comes with one fd. */
struct message_matched {
	uint32_t session;
	char peer[NETADDR_TEXT_MAX]; /* the other side's address */
};

/*
 * "The other side was gone before the session began; I still wait." A stone
 * says so of an agent that did not take the head: its other polls come last
 * from then on.
 */
struct message_wait_again {
	uint32_t session;
};

/* Why a session ended, as the handler that reports it saw it. */
enum end_reason {
	END_DONE = 1,    /* both directions ended cleanly */
	END_PEER_ERROR,  /* its own client broke off */
	END_OTHER_SIDE,  /* the other handler broke off or died */
	END_UNCONFIRMED, /* the agent did not take the head in time */
};

struct message_end {
	uint32_t session;
	uint32_t reason;    /* enum end_reason */
	uint64_t bytes_in;  /* from its client */
	uint64_t bytes_out; /* to its client */
};

/* "I am in a live session that an earlier broker made." */
struct message_announce {
	uint32_t role;
	uint32_t der_len; /* follows */
	uint32_t session;
	uint32_t reserved; /* 0 */
	uint64_t started;  /* CLOCK_BOOTTIME, seconds */
	char peer[NETADDR_TEXT_MAX];
};

struct message {
	enum message_type type;
	union {
		struct message_register reg;
		struct message_welcome welcome;
		struct message_refused refused;
		struct message_matched matched;
		struct message_wait_again wait_again;
		struct message_end end;
		struct message_announce announce;
	} u;
	const uint8_t *der; /* REGISTER, ANNOUNCE: der_len bytes, borrowed */
};

#define MESSAGE_MAX                                                            \
	(sizeof(struct message_header) + sizeof(struct message_announce) +     \
	    MESSAGE_DER_MAX)

/*
 * Writes m into buf. Returns the packet's length, or -1 with EINVAL where m is
 * not a valid message or with EMSGSIZE where size is too small.
 */
ptrdiff_t message_encode(const struct message *m, uint8_t *buf, size_t size);

/*
 * Reads one packet. m->der points into buf. Returns 0, or -1 with EPROTO: wrong
 * version, unknown type, a length or a field out of its bounds, an unterminated
 * string.
 */
int message_decode(struct message *m, const uint8_t *buf, size_t len);

#endif
