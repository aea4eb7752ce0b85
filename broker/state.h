/*
 * What the files of the broker share: its connections, its tables, and what
 * each file does for the others.
 *
 *	broker.c     the loop, and accepting
 *	conn.c       what holds of every connection: telling, counting, dropping
 *	notes.c      what is remembered of refusals and failures
 *	registrar.c  what handlers and spawners say
 *	joining.c    how two handlers are joined, and what they say of that
 *	parking.c    agents without a handler, with parked_signs.c and others
 *	waking.c     agents that get one again
 *	proof.c      whether who registers is who he says
 *	reach.c      stones whose agent may be at another relay
 *	presence.c   which agents and sessions are here, for other relays
 *	quota.c      nusers at all relays together
 *	evict.c      who has to go: kicks, expiry, a changed table
 *	sweep.c      long work in slices, so that no pairing waits for it
 *	reload.c     configuration and customers read again, handlers rechecking
 *	admin.c      what administrators ask
 *	listing.c    rows, and how they are sent
 *	view.c       what the page of a customer shows
 */
#ifndef STATE_H
#define STATE_H

#include "account.h"
#include "base/failure.h"
#include "base/filewatch.h"
#include "config/certificate_set.h"
#include "config/relay_conf.h"
#include "ipc/peercred.h"
#include "ipc/voucher.h"
#include "ipc/wire.h"
#include "pairing.h"
#include "parking.h"
#include "recent.h"
#include "session.h"

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

struct broker;
struct sweep;

/* Something that the loop waits for, embedded in what is to be served. */
struct source {
	/* events as in epoll_wait(2) */
	void (*ready)(struct broker *, struct source *, uint32_t events);
};

struct conn {
	struct source source; /* of fd */
	int fd;               /* -1: none, while it is handed over */
	bool dropped; /* its memory lives until the turn of the loop ends */
	bool may_register; /* it runs as the handlers' user, or as ours */
	bool may_spawn;    /* it runs as ours */
	bool may_admin;    /* root or the admin group */
	bool kicked;
	bool refusal_told;    /* it said REFUSAL, which comes once */
	bool session_counted; /* a stone's: it has one, called off or not */
	bool awaits_reload;   /* an administrator, of awaiting */
	struct rights who;    /* whose process it is */
	int spawner;          /* enum attach_kind, as it said; 0: it did not */
	unsigned owed;        /* RECHECKs that it has not answered */
	struct waiter waiter;
	uint32_t *counted; /* where its account counts it, NULL: nowhere */
	uint32_t id;
	uint64_t since;                        /* uptime; when it came */
	const struct certificate *certificate; /* of the set; NULL: unknown */
	struct account *account;
	struct session *session; /* NULL: in none */
	struct parked *parked;   /* then fd is the agent's; NULL: it isn't */
	struct sweep *sweep;     /* an administrator's, NULL: none runs */
	struct seek *seek;       /* a stone that may cross; NULL: it may not */
	int64_t quota_by; /* base/deadline.h; 0: it is in no list of quota */
	char peer[NETADDR_TEXT_MAX];
	char node[NODE_NAME_SIZE];
	struct message_link about; /* as it last said */
	LIST_ENTRY(conn) link;
	LIST_ENTRY(conn) await;
	TAILQ_ENTRY(conn) quota;
};

struct reload_state {
	unsigned owed;     /* answers that are missing, of all connections */
	int sweeping;      /* everyone is being asked */
	int again;         /* and once more, as soon as that is done */
	uint64_t give_up;  /* uptime; 0: none runs, or not all are asked */
	uint64_t fresh_at; /* uptime; who comes earlier checks again */
	int64_t read_at;   /* base/deadline.h; who loaded earlier does again */
	unsigned good, bad, failed;
	char error[ADMIN_TEXT_MAX]; /* the first; "": none */
};

TAILQ_HEAD(seek_list, seek);
TAILQ_HEAD(admit_list, conn);

struct broker {
	int listener;
	int signals; /* signalfd */
	int timer;   /* timerfd: the next customer's end */
	int epoll;
	struct filewatch crl; /* a new list is obeyed at once */
	int64_t crl_at;       /* base/deadline.h; when to read it */
	struct source on_listener, on_signals, on_timer, on_crl;
	int trust; /* for rechecks, ipc/trust_bundle.h; -1: it can't be read */
	uint32_t trust_size; /* of it */
	int spare; /* given up to refuse a connection when fds run out */
	int done;  /* the loop ends */
	int draining;
	int log_level_is_set; /* by an administrator, for everyone */
	uid_t own_uid;        /* the spawners' too */
	uid_t handler_uid;
	gid_t admin_gid; /* (gid_t)-1: none */
	uint64_t started;
	const char *conf_path;
	struct relay_conf conf;
	struct customers *customers;
	struct accounts *accounts;
	struct certificate_set *certificates; /* of all connections */
	struct pairing *pairing;
	struct sessions *sessions;
	struct recent *recent;
	struct parking parking;
	struct seek *seeks; /* by id */
	struct conn *peer;  /* relay-peer; NULL: it is not attached */
	struct {
		struct conn *conn;      /* relay-presence; NULL likewise */
		struct wire_rows *rows; /* on their way to it */
		int all_told;
		int64_t next;           /* base/deadline.h; when to tell more */
		struct seek_list asked; /* and not answered yet */
		struct admit_list admits; /* stones held for it, likewise */
		int64_t silent_until;     /* base/deadline.h */
	} presence;
	struct reload_state reload;
	struct {
		int known; /* the secret of vouchers */
		uint8_t secret[VOUCHER_SECRET_BYTES];
		int64_t next; /* base/deadline.h; when to ask for it again */
	} proof;
	struct row_status totals; /* its counters */
	size_t nconns, most;      /* connections, and the most since a trim */
	LIST_HEAD(, conn) conns;
	LIST_HEAD(, conn) closing;  /* dropped while events may name them */
	LIST_HEAD(, conn) awaiting; /* the end of a reload */
	LIST_HEAD(, sweep) sweeps;
};

/* ---- conn.c ---- */

/* Now, by CLOCK_BOOTTIME, in seconds. */
uint64_t conn_uptime(void);

/* Counts c among the connections, which it begins to belong to. */
void conn_add(struct broker *b, struct conn *c);

/* Closes c and forgets it; its memory lives until the turn of the loop ends. */
void conn_drop(struct broker *b, struct conn *c);

/*
 * Frees what was dropped in this turn of the loop. After a crowd has left, the
 * memory goes back to the kernel, too.
 */
void conn_free_dropped(struct broker *b);

/*
 * Sends m to c, and fds beside it (ipc/wire.h). Who does not read what it is
 * told is dropped: then it returns -1, else 0. Who has hung up in a session is
 * not, but that is all the same to the caller.
 */
int conn_tell(
    struct broker *b, struct conn *c, const struct message *m, const int *fds);

/* Turns c, which is recognized, away: tells it and remembers why; drops it. */
void conn_refuse(struct broker *b, struct conn *c, enum refusal_kind kind,
    uint32_t status, const char *reason);

/* Ends the answer to an administrator. */
void conn_answer(struct broker *b, struct conn *c, int failed, unsigned count,
    const char *text);

/* Keeps the account of c right. Call it after any change of its waiter. */
void conn_count(struct conn *c);

/* ---- notes.c ---- */

/* Remembers why c was turned away; reason is plain ASCII. */
void note_refusal(struct broker *b, const struct conn *c,
    enum refusal_kind kind, uint32_t status, const char *reason);

/* Remembers the end of the session that c leaves, if that was not good. */
void note_session_end(struct broker *b, const struct conn *c);

/* Remembers what a handler says of its client. Returns 0, or -1: drop it. */
int note_told(
    struct broker *b, struct conn *c, const struct message_refusal *m);

/* ---- registrar.c ---- */

/*
 * Finds out whose the certificate in der is, and keeps in c what belongs to it;
 * *key becomes whom it may meet. Returns NULL where it is no certificate, or
 * without memory.
 */
const struct customer_entry *registrar_recognize(struct broker *b,
    struct conn *c, struct customer_key *key, const uint8_t *der, size_t len);

/* Obeys one message of a handler. Returns 0, or -1: drop it. */
int registrar_take(struct broker *b, struct conn *c, const struct message *m);

/* ---- joining.c ---- */

/* c takes its side of s. */
void joining_enter(struct conn *c, struct session *s);

/*
 * c, in a session that was called off, waits again. A kicked one stays out, and
 * so does an agent at another relay: it came for one stone.
 */
void joining_wait_again(struct broker *b, struct conn *c);

/*
 * Hands both handlers their end of a new hop. Where the stone's cannot be
 * told, the agent has not been: it waits on. Where the agent's cannot, the
 * stone sees the pair closed and asks again.
 */
void joining_pair(struct broker *b, struct conn *agent, struct conn *stone);

/* Joins those who wait for each other, as long as c is one of them. */
void joining_match(struct broker *b, const struct conn *c);

/* Obey what a handler says. Return 0, or -1: drop it. */
int joining_call_off(
    struct broker *b, struct conn *c, const struct message_wait_again *m);
int joining_progress(
    struct broker *b, struct conn *c, const struct message_progress *m);
int joining_end(struct broker *b, struct conn *c, const struct message_end *m);

/* ---- proof.c ---- */

/*
 * Whether relay-keyd has vouched, to the process at the other end of c, for the
 * certificate in der, as far as the configuration wants it to have: of a stone
 * at another relay, by what that has carried along. Returns 0, or -1 where c
 * was refused, and dropped. Call it once c is recognized, and its waiter says
 * what it is.
 */
int proof_demand(struct broker *b, struct conn *c, const uint8_t *voucher,
    const uint8_t *der, size_t len);

/* ---- reach.c ---- */

/*
 * Remembers what the stone c presented, in its REGISTER, where there may be
 * other relays.
 */
void reach_note(struct broker *b, struct conn *c, const struct message *m);

/*
 * Has relay-peer look for an agent of c, if c waits and none here is left for
 * it; it may do so already.
 */
void reach_begin(struct broker *b, struct conn *c);

/*
 * The same for all of a party that wait, of which stone is the first (NULL:
 * none does): an agent that they were to have is gone.
 */
void reach_for(struct broker *b, struct waiter *stone);

/* It need not any more: c is about to have an agent, or left. */
void reach_end(struct broker *b, struct conn *c);

/* It never need again. */
void reach_forget(struct broker *b, struct conn *c);

/* relay-peer has attached as c: it is asked for all that are sought. */
void reach_attach(struct broker *b, struct conn *c);

/* relay-peer says so: its stone is told. */
void reach_unreached(struct broker *b, const struct message *m);

/* The stone with this id, if an agent of it is sought; else NULL. */
struct conn *reach_stone(const struct broker *b, uint32_t id);

/* Asks whoever has attached, or is left, anew for all that are sought. */
void reach_again(struct broker *b);

/* relay-presence's answer, of a stone that may have left. */
void reach_answer(struct broker *b, const struct message_answer *a);

/* When reach_turn has something to do (base/deadline.h). */
int64_t reach_due(const struct broker *b);

/* Has relay-peer ask all others where relay-presence owes an answer. */
void reach_turn(struct broker *b);

/* ---- presence.c ---- */

/* relay-presence has attached as c: it is told of all agents here. */
void presence_attach(struct broker *b, struct conn *c);

/* It is gone. */
void presence_detach(struct broker *b);

/* Obeys its ANSWER, ADMITTED or STORE. Returns 0, or -1: drop it. */
int presence_take(struct broker *b, struct conn *c, const struct message *m);

/* When presence_turn has something to do (base/deadline.h). */
int64_t presence_due(const struct broker *b);

/* Tells what is new. */
void presence_turn(struct broker *b);

/* This relay drains: no stone elsewhere is to look for an agent here. */
void presence_drain(struct broker *b);

/* The broker ends: tells what it has not yet, as far as that is taken. */
void presence_end(struct broker *b);

/* ---- quota.c ---- */

/*
 * Whether relay-presence is asked, of the stone c that has just entered, if the
 * limit of its customer allows it; then it meets nobody before the answer.
 */
int quota_ask(struct broker *b, struct conn *c, uint32_t limit);

/* The answer does not matter any more. */
void quota_forget(struct broker *b, struct conn *c);

/* That answer, of a stone that may have left. */
void quota_answer(struct broker *b, const struct message_admitted *a);

/* Nobody is there who would answer. */
void quota_end(struct broker *b);

/* When quota_turn has something to do (base/deadline.h). */
int64_t quota_due(const struct broker *b);

/* Lets those in for whom no answer came in time. */
void quota_turn(struct broker *b);

/* ---- evict.c ---- */

/*
 * Tells c's handler to end; its client learns status and reason where it has no
 * answer yet. For the log are cause, a static word, and by: the uid of the
 * administrator who wants it, as text, or NULL.
 */
void evict_kick(struct broker *b, struct conn *c, uint32_t status,
    const char *reason, const char *cause, const char *by);

/* Kicks c, or moves it, as the table of customers now has it. */
void evict_review(struct broker *b, struct conn *c);

/* Sets the timer to the next time that a customer ends. */
void evict_arm(struct broker *b);

/* The timer rang: reviews all. */
void evict_expire(struct broker *b);

/*
 * Refuses all stones that wait, and every later one; ends after the last
 * session.
 */
void evict_drain(struct broker *b);

/* ---- reload.c ---- */

/* Reads the configuration and what it names. Returns 0, or -1 with f. */
int reload_files(struct broker *b, struct failure *f);

/*
 * Reads all again and has every handler and spawner, but not the one that asks
 * (NULL: none), do the same. Answers administrators that await it.
 */
void reload_all(struct broker *b, const struct conn *asks);

/* Has c check its certificate again. */
void reload_recheck(struct broker *b, struct conn *c);

/* A handler's answer to that. */
void reload_rechecked(
    struct broker *b, struct conn *c, const struct message_rechecked *m);

/* Ends a reload whose answers are all there, or that took too long. */
void reload_settle(struct broker *b);

/* ---- view.c ---- */

/* Obeys a handler's VIEW. Returns 0, or -1: drop it. */
int view_take(struct broker *b, struct conn *c, const struct message *m);

/* ---- admin.c ---- */

/* Obeys one request. Returns 0, or -1: drop it. */
int admin_take(struct broker *b, struct conn *c, const struct message *m);

#endif
