/*
 * The messages between a handler and the broker, one SOCK_SEQPACKET packet
 * each: a header, then the type's own struct, in native byte order (both live
 * on one host, built from one tree). REGISTER, CHECK, ANNOUNCE, VIEW and REACH
 * end with the certificate, the first and the last with its chain and proof,
 * too. Rows for relayctl, and PARTY, come many in a packet, one after the
 * other. Whatever arrives is checked in one place, message_decode.
 *
 *	handler -> broker: REGISTER, WAIT_AGAIN, PROGRESS, END, ANNOUNCE,
 *	                   RECHECKED, REFUSAL, LINK, VIEW, CHECK, PARK,
 *	                   PARKED (with the connection)
 *	broker -> handler: WELCOME, REFUSED, MATCHED (with the session's fds),
 *	                   KICK, RECHECK (with the fd of a trust), LOG_LEVEL,
 *	                   PARK_OK; after VIEW, ROW_... and ADMIN_DONE
 *	spawner -> broker: ATTACH (with a badge), RELOAD, RECHECKED
 *	broker -> spawner: RECHECK, LOG_LEVEL, WAKE (with the connection)
 *	relayctl -> broker: ADMIN
 *	broker -> relayctl: ROW_..., ADMIN_DONE, REFUSED (admin_rows.h)
 *	relay-peer -> broker: ATTACH (with a badge), RECHECKED, UNREACHED,
 *	                      which goes on to the stone's handler
 *	broker -> relay-peer: REACH, LEFT, RECHECK, LOG_LEVEL
 *	relay-peer's process for an administrator -> broker: ADMIN_FOR, which is
 *	                      answered as ADMIN is
 *	relay-presence -> broker: ATTACH (with a badge), ANSWER, ADMITTED,
 *	                          STORE, RECHECKED
 *	broker -> relay-presence: PARTY, ALL_TOLD, ASK, LEFT, ADMIT, RECHECK,
 *	                          LOG_LEVEL
 *	handler -> relay-handoff: READY (with a lifeline)
 *	relay-handoff -> handler: HANDOFF (with the connection)
 */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include "base/netaddr.h"
#include "config/entitlement.h"
#include "ipc/admin_rows.h"
#include "ipc/presence_messages.h"
#include "ipc/trust_bundle.h"
#include "ipc/voucher.h"

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_VERSION    8
#define MESSAGE_DER_MAX    16384 /* bytes; real leaf certificates have < 4 KiB */
#define MESSAGE_PROOF_MAX  24576 /* bytes; a usual handshake has 6 KiB */
#define MESSAGE_REASON_MAX 80    /* fits a status line */
#define LOG_LEVEL_OWN      8     /* none is set: each keeps its own */

enum role { ROLE_AGENT = 1, ROLE_STONE = 2 };

enum message_type {
	MESSAGE_REGISTER = 1,
	MESSAGE_WELCOME,
	MESSAGE_REFUSED,
	MESSAGE_MATCHED,
	MESSAGE_WAIT_AGAIN,
	MESSAGE_END,
	MESSAGE_ANNOUNCE,
	MESSAGE_PROGRESS,
	MESSAGE_KICK,
	MESSAGE_RECHECK,
	MESSAGE_RECHECKED,
	MESSAGE_LOG_LEVEL,
	MESSAGE_ATTACH,
	MESSAGE_RELOAD,
	MESSAGE_ADMIN,
	MESSAGE_ROW_STATUS,
	MESSAGE_ROW_WAITER,
	MESSAGE_ROW_SESSION,
	MESSAGE_ROW_CUSTOMER,
	MESSAGE_ADMIN_DONE,
	MESSAGE_READY,
	MESSAGE_HANDOFF,
	MESSAGE_REFUSAL,
	MESSAGE_ROW_REFUSAL,
	MESSAGE_LINK,
	MESSAGE_VIEW,
	MESSAGE_CHECK,
	MESSAGE_PARK,
	MESSAGE_PARK_OK,
	MESSAGE_PARKED,
	MESSAGE_WAKE,
	MESSAGE_REACH,
	MESSAGE_LEFT,
	MESSAGE_PARTY,
	MESSAGE_ALL_TOLD,
	MESSAGE_ASK,
	MESSAGE_ANSWER,
	MESSAGE_STORE,
	MESSAGE_UNREACHED,
	MESSAGE_ADMIT,
	MESSAGE_ADMITTED,
	MESSAGE_ADMIN_FOR,
};

struct message_header {
	uint16_t version; /* MESSAGE_VERSION */
	uint16_t type;    /* enum message_type */
	uint32_t length;  /* of the message with this header, bytes */
};

/*
 * "This certificate's stone or agent is here and waits." As CHECK: "What would
 * you say to one? It does not wait."
 */
struct message_register {
	uint32_t role;    /* enum role */
	uint32_t der_len; /* 1 to MESSAGE_DER_MAX, follows */
	uint64_t agent;   /* the agent process, 0 if unknown */
	uint32_t id; /* that it had: with an earlier broker, or parked; or 0 */
	uint32_t wants; /* a stone's: CUSTOMER_FORWARD or _WEB; an agent's: 0 */
	uint32_t chain_len; /* of the certificates above, follow behind it */
	uint32_t meets;     /* an agent at another relay: the id of its stone */
	uint32_t proof_len; /* a stone's that is here: the messages of its
			     * handshake (tls/transcript.h), behind these */
	uint32_t reserved;
	char peer[NETADDR_TEXT_MAX];    /* address, for the log */
	char node[NODE_NAME_SIZE];      /* where it is; "": at this relay */
	struct customer_key key;        /* as that knows it; empty: not told */
	uint8_t voucher[VOUCHER_BYTES]; /* for it; all zero: none */
};

/* "Wait"; the agent's entitlement. */
struct message_welcome {
	uint32_t id; /* a short name for people, unlike any other that waits */
	uint32_t log_level;  /* as in syslog(3), or LOG_LEVEL_OWN */
	uint32_t present;    /* connections of this broker, this one too */
	uint32_t park_after; /* seconds; 0: its agent cannot be parked */
	char customer[CUSTOMER_TEXT_MAX]; /* the X-Customer value */
};

/* "Tell your client so, and end." */
struct message_refused {
	uint32_t status; /* HTTP status, 400 to 599 */
	char reason[MESSAGE_REASON_MAX];
};

/* "Here is the other side": comes with two fds (hop_fds.h). */
struct message_matched {
	uint32_t session;
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
	END_KICKED,      /* the broker said KICK */
	END_CERTIFICATE, /* its certificate is no longer good */
};

/* What a handler knows of the TLS of its session; bits. */
enum session_tls {
	SESSION_SEALED = 1, /* the ends have TLS of their own */
	SESSION_BARE = 2,   /* its client's bytes go without the relay's */
};

/* "none", "sealed" or "bare", for the log and for people. */
const char *session_tls_word(uint32_t tls);

struct message_end {
	uint32_t session;
	uint32_t reason; /* enum end_reason */
	uint32_t tls;    /* enum session_tls */
	uint32_t reserved;
	uint64_t bytes_in;  /* from its client */
	uint64_t bytes_out; /* to its client */
};

/* "I am in a live session that an earlier broker made." */
struct message_announce {
	uint32_t role;
	uint32_t der_len; /* follows */
	uint32_t session;
	uint32_t id;  /* as in REGISTER */
	uint32_t tls; /* enum session_tls */
	uint32_t reserved;
	uint64_t started;  /* CLOCK_BOOTTIME, seconds */
	uint64_t bytes_in; /* as it last told the earlier broker */
	uint64_t bytes_out;
	char peer[NETADDR_TEXT_MAX];
	char node[NODE_NAME_SIZE];
	uint8_t voucher[VOUCHER_BYTES]; /* as in REGISTER */
};

/* "So much has moved": at most every few seconds, and only where it has, or
 * where tls has changed. */
struct message_progress {
	uint32_t session;
	uint32_t tls;      /* enum session_tls */
	uint64_t bytes_in; /* of the whole session, as in END */
	uint64_t bytes_out;
};

/* "End": a client without an answer gets this one, a session a reset. */
struct message_kick {
	uint32_t status; /* HTTP status, 400 to 599 */
	char reason[MESSAGE_REASON_MAX];
};

/*
 * "CA or CRL may have changed: check your client's certificate again." Comes to
 * a handler with the fd of what to check it by (trust_bundle.h).
 */
struct message_recheck {
	uint32_t size; /* of that, bytes, to TRUST_MAX; 0: no fd, a spawner's */
};

enum reverify_verdict {
	RECHECK_GOOD = 1,
	RECHECK_BAD,    /* no longer good: it ends */
	RECHECK_FAILED, /* it could not be checked: it goes on as before */
};

struct message_rechecked {
	uint32_t verdict;            /* enum reverify_verdict */
	char reason[ADMIN_TEXT_MAX]; /* of BAD and FAILED */
};

struct message_log_level {
	uint32_t level; /* as in syslog(3) */
};

/* Who attaches. */
enum attach_kind {
	ATTACH_SPAWNER = 1, /* relay-listen */
	ATTACH_PEER,        /* relay-peer: it reaches other relays, too */
	ATTACH_PRESENCE,    /* relay-presence: it knows what these have */
};

/*
 * "Tell me when to load the files again." Comes with one fd, an
 * ipc_socket_badge.
 */
struct message_attach {
	uint64_t loaded; /* when it began to: CLOCK_BOOTTIME, milliseconds */
	uint32_t kind;   /* enum attach_kind */
	uint32_t reserved;
};

/* "This stone waits, and none of my agents: is one at another relay?" */
struct message_reach {
	uint32_t id; /* the stone's */
	uint32_t wants;
	uint32_t der_len, chain_len, proof_len; /* as in REGISTER */
	struct customer_key key;
	struct message_nodes nodes; /* at one of these; none: at any */
	char peer[NETADDR_TEXT_MAX];
};

/* "That stone needs nobody any more." */
struct message_left {
	uint32_t id;
	uint32_t reserved;
};

/* "I was told to load the files again: let all others do so too." */
struct message_reload {
	uint32_t reserved;
};

/* "A handler is here, for one connection": comes with one fd, its lifeline. */
struct message_ready {
	uint32_t reserved;
};

/* "This is the connection": comes with one fd, which is no longer mine. */
struct message_handoff {
	uint32_t reserved;
};

/*
 * "I have turned my client away." At most one comes from a handler, and from
 * one that never registered it is the only message. What it says is not
 * proved: it is shown, and counted.
 */
struct message_refusal {
	uint32_t kind;   /* enum refusal_kind */
	uint32_t status; /* HTTP status, 400 to 599; 0: none was told */
	struct identity identity;    /* all zero: unknown */
	struct identity fingerprint; /* of the certificate as it came */
	char peer[NETADDR_TEXT_MAX];
	char reason[REFUSAL_REASON_MAX]; /* plain ASCII */
};

/*
 * "So my client's connection is": of an agent that has waited for a second, and
 * then now and again; in a session beside PROGRESS.
 */
struct message_link {
	uint32_t rtt;         /* round trip, microseconds; 0: unknown */
	uint32_t retransmits; /* segments, since it was made */
	char version[AGENT_VERSION_MAX]; /* plain ASCII; "": unknown */
};

/* "As an agent was sought for this stone, that relay could not be reached." */
struct message_unreached {
	uint32_t id; /* the stone's */
	char node[NODE_NAME_SIZE];
};

/*
 * "What has this certificate's customer here?" The answer is that of an
 * administrator, cut to what a page can show; ADMIN_DONE's text is VIEW_ALL
 * where the certificate is one that sees all customers. From who never
 * registers.
 */
struct message_view {
	uint32_t der_len; /* 1 to MESSAGE_DER_MAX, follows */
	uint32_t reserved;
	uint8_t voucher[VOUCHER_BYTES]; /* as in REGISTER */
};

#define VIEW_ALL "all"

/*
 * "My agent has waited for park_after and can be parked": it may, where PARK_OK
 * is the answer. There is none where it may not, or where MATCHED is on its
 * way.
 */
struct message_park {
	uint32_t reserved;
};

/* "Park it. Whom I match it with from now on waits for PARKED." */
struct message_park_ok {
	uint32_t reserved;
};

#define PARK_CHAIN_MAX 3 /* certificates, as tls/tls.c has it */

/*
 * "Its TLS has ended, and this is the connection, which is no longer mine":
 * comes with that. What it says of the certificates only ends it earlier: they
 * are verified when it is woken.
 */
struct message_parked {
	uint64_t not_after; /* the first of them that ends; Unix time */
	uint64_t chain[PARK_CHAIN_MAX]; /* config/revocation.h; 0: no more */
};

/* "Wake this agent, which was parked": comes with the connection. */
struct message_wake {
	uint32_t id;  /* its own, to register with */
	uint32_t cut; /* bytes that were read of a sign of life, 0 to 5 */
	char peer[NETADDR_TEXT_MAX]; /* the client, not its balancer */
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
		struct message_progress progress;
		struct message_kick kick;
		struct message_recheck recheck;
		struct message_rechecked rechecked;
		struct message_log_level log_level;
		struct message_attach attach;
		struct message_reload reload;
		struct message_admin admin;
		struct message_admin_for admin_for;
		struct row_status status;
		struct row_waiter waiter;
		struct row_session session;
		struct row_customer customer;
		struct message_admin_done admin_done;
		struct message_ready ready;
		struct message_handoff handoff;
		struct message_refusal refusal;
		struct row_refusal row_refusal;
		struct message_link link;
		struct message_view view;
		struct message_park park;
		struct message_park_ok park_ok;
		struct message_parked parked;
		struct message_wake wake;
		struct message_reach reach;
		struct message_left left;
		struct message_party party;
		struct message_all_told all_told;
		struct message_ask ask;
		struct message_answer answer;
		struct message_store store;
		struct message_unreached unreached;
		struct message_admit admit;
		struct message_admitted admitted;
	} u;
	/* REGISTER, CHECK, ANNOUNCE, VIEW, REACH: der_len bytes, borrowed, and
	 * the chain_len and proof_len of the first and last */
	const uint8_t *der;
};

#define MESSAGE_MAX                                                            \
	(sizeof(struct message_header) + sizeof(struct message_reach) +        \
	    MESSAGE_DER_MAX + MESSAGE_PROOF_MAX)

/*
 * Writes m into buf. Returns its length, or -1 with EINVAL where m is not a
 * valid message or with EMSGSIZE where size is too small.
 */
ptrdiff_t message_encode(const struct message *m, uint8_t *buf, size_t size);

/*
 * Reads the first message of a packet, or of its rest. m->der points into buf.
 * Returns its length, or -1 with EPROTO: wrong version, unknown type, a length
 * or a field out of its bounds, an unterminated string, or more behind it
 * where it is not a row.
 */
ptrdiff_t message_decode(struct message *m, const uint8_t *buf, size_t len);

/* How many descriptors must come with m, and no more. */
size_t message_fds(const struct message *m);

#endif
