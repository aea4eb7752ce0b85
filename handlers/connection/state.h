/*
 * What the files of the handler's state machine share: the states, what a
 * handler knows, and one function for each state, which serves it and returns
 * the next.
 *
 *	HANDSHAKE -> HEAD -> REGISTERING -> WAITING -> MATCHED -> SPLICING
 *	    |         |          |           | ^________|           |    |
 *	    |         +----------+-----------+-> CLOSING            |  BARE
 *	    +--------------------------------------> ENDED <--------+----+
 *
 * From HEAD it may also be PAGE, and from there CLOSING. BARE is a marked
 * session of which one direction, at least, has left TLS (bare.c).
 *
 * PARKING is an agent that has waited for long and leaves, to be parked; WAKING
 * comes before HANDSHAKE for one that was (parking.c).
 *
 * REGISTERING asks the broker for a place and, where the broker restarts, asks
 * anew from WAITING. MATCHED hands the head over and falls back to WAITING
 * where the other side was gone before the session began.
 */
#ifndef CONNECTION_STATE_H
#define CONNECTION_STATE_H

#include "base/netaddr.h"
#include "channel/channel_hop.h"
#include "channel/channel_tls.h"
#include "channel/pump.h"
#include "channel/splice.h"
#include "config/identity.h"
#include "config/relay_conf.h"
#include "connection/registration.h"
#include "connection/reverify.h"
#include "connection/seal_watch.h"
#include "http/head.h"
#include "tls/tls.h"

#include <sys/types.h>
#include <time.h>

enum state {
	WAKING,
	HANDSHAKE,
	HEAD,
	REGISTERING,
	WAITING,
	MATCHED,
	SPLICING,
	BARE,
	PARKING,
	PAGE,
	CLOSING,
	ENDED
};

/*
 * All that is known of a connection lies in here, or in memory of OpenSSL's, so
 * that it can be wiped (handler.c).
 */
struct handler {
	const struct relay_conf *conf;
	struct tls_material *material;
	struct channel_tls tls;
	struct registration registration;
	struct head head;
	enum role role;
	int signals;    /* signalfd */
	int tell;       /* who waits for it to register; -1: nobody */
	int is_spawned; /* by one that can be told to wake agents */
	pid_t pid;      /* its own */
	char unreached[NODE_NAME_SIZE]; /* a relay where its agent may be */
	int is_told;                    /* that it has registered */
	int is_last;                    /* connection of this process */
	int in_order;      /* so it has ended: nothing odd was seen */
	struct hop hop;    /* open when matched */
	int64_t match_by;  /* a stone's; DEADLINE_NONE for an agent */
	int64_t keepalive; /* an agent's next empty line */
	int64_t trim_at;   /* when to give free memory back */
	int64_t park_at;   /* when to ask whether it can be parked */
	int parks;         /* its agent was told that it can */
	const struct message_wake *woken; /* it was; NULL: it has just come */
	time_t not_after;         /* the end of the client's certificate */
	int64_t expires;          /* when to look whether that has come */
	int64_t report_at;        /* when to say how much has moved */
	uint64_t head_bytes;      /* arrived before the session's first */
	struct channel_hop other; /* the session's hop */
	struct seal_watch watch;  /* of an agent's answer */
	struct pump pump;         /* of its bare bytes */
	uint32_t session_tls;     /* enum session_tls */
	int welcomed;             /* the agent has its 200 */
	int heard_out; /* a waiting stone's FIN has been looked into */
	int ended;     /* what it sends has ended, cleanly */
	struct {
		enum end_reason end;
		int status;
		char reason[MESSAGE_REASON_MAX];
	} removal; /* how it has to end, if an order says so */
	struct reverify_subject subject;
	uint8_t *der;
	uint32_t der_len;
	uint32_t chain_len; /* of the certificates above it, behind it */
	uint32_t proof_len; /* and behind these (carried.h) */
	uint8_t voucher[VOUCHER_BYTES]; /* of relay-keyd; all zero: none */
	char peer[NETADDR_TEXT_MAX];    /* the client, not its balancer */
	char identity[IDENTITY_HEX_SIZE];
	struct identity fingerprint; /* of the certificate as it came */
	size_t len; /* what is in buf: the head and what came behind it */
	char buf[2 * HEAD_MAX_BYTES];
	struct wire_packet packet; /* of the broker */
	struct splice splice;
};

/* For a reply to leave, milliseconds. */
#define HANDLER_SEND_MS 10000

/* admission.c: who is it, and what does it want? */
enum state run_handshake(struct handler *h);
enum state run_head(struct handler *h);

/* waiting.c: until the broker has the other side. */
enum state run_registering(struct handler *h);
enum state run_waiting(struct handler *h);

/* page.c: what a browser sees of its customer. */
enum state run_page(struct handler *h);

/* parking.c: between two handlers. */
enum state run_parking(struct handler *h);
enum state run_waking(struct handler *h);

/* splicing.c: the session. */
enum state run_matched(struct handler *h);
enum state run_splicing(struct handler *h);

/* bare.c: and without TLS of the relay's. */
enum state run_bare(struct handler *h);

/* splicing.c: tells the log and the broker how the session ended. */
enum state splicing_end(struct handler *h, enum splice_result rc);

/* handler.c: answers with a refusal (http/reply.h), and logs it. */
enum state handler_turn_away(struct handler *h, int status, const char *reason);

/* handler.c: the same, where it is not the broker's word: it is told. */
enum state handler_refuse(
    struct handler *h, enum refusal_kind kind, int status, const char *reason);

/* handler.c: ends a client that waits, as h->removal has it. */
enum state handler_remove(struct handler *h);

/* What people know it by: its session's id, or its own. */
uint32_t handler_id(const struct handler *h);

/* "agent" or "stone", for the log. */
const char *handler_role(const struct handler *h);

#endif
