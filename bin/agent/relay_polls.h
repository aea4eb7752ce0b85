/*
 * The polls at one relay: how many wait there, how many should, and when the
 * next is due.
 */
#ifndef AGENT_RELAY_POLLS_H
#define AGENT_RELAY_POLLS_H

#include "agent/conf.h"
#include "agent/ending.h"
#include "agent/parked.h"
#include "agent/poll.h"
#include "agent/pool_size.h"
#include "base/backoff.h"
#include "tls/expiry.h"

#include <sys/types.h>

/* Who had a poll for so long shares the relay with many that lose theirs too.
 */
#define AGENT_POLL_LONG_MS 60000

/* One place for a waiting poll, which has a process or is parked. */
struct slot {
	int news;      /* from its process; -1: there is none */
	pid_t pid;     /* of it; 0: it has ended */
	int64_t since; /* waiting at the relay since; 0: not yet */
	struct parked parked;
	int64_t back; /* where one was lost: the next is not begun before */
};

struct agent_relay {
	struct netaddr place;
	char text[TARGET_TEXT_MAX]; /* host:port */
	struct slot slots[AGENT_POLLS_MAX];
	struct pool_size size; /* how many polls */
	int64_t due;           /* no poll is started before */
	struct backoff backoff;
	uint64_t arrivals;
	struct expiry customer;    /* of the entitlement */
	int64_t customer_end;      /* the same, UINT32_MAX: never; 0: unknown */
	char error[POLL_TEXT_MAX]; /* why the last poll failed; "" after one
				    * that did not */
	int64_t since; /* Unix time: it fails, or does not, since then */
	char last_error[POLL_TEXT_MAX]; /* "" where none has ever failed */
	int64_t last_error_at;          /* Unix time */
	int is_idle; /* it is not polled: an earlier relay works */
	int failed;  /* no poll has waited since it was tried in vain; one lost
		      * that had waited for long is tried once more first */
};

/* Begins without a poll, one being due at once. */
void agent_relay_init(struct agent_relay *r, const struct netaddr *place,
    const struct agent_conf *conf);

/* An empty slot for a poll that is wanted and due, or NULL. */
struct slot *agent_relay_vacancy(struct agent_relay *r);

/*
 * When a poll becomes due that is wanted, or something of a parked one;
 * DEADLINE_NONE: nothing does.
 */
int64_t agent_relay_due(struct agent_relay *r);

/*
 * How many polls there are, how many of them the relay has accepted, and how
 * many of these are parked.
 */
unsigned agent_relay_polls(const struct agent_relay *r);
unsigned agent_relay_waiting(const struct agent_relay *r);
unsigned agent_relay_parked(const struct agent_relay *r);

/* How many processes are polls here; one that has failed may live still. */
unsigned agent_relay_processes(const struct agent_relay *r);

/* No process could be made for a poll: later. */
void agent_relay_postpone(struct agent_relay *r);

/*
 * Takes the news of slot, and logs them, unless it is all to end. The relay is
 * left alone for a while after a failure. Returns the process that has become a
 * session, or 0.
 */
pid_t agent_relay_news(struct agent_relay *r, struct slot *slot, int stopping);

/*
 * There is no poll any more, for this reason; the one that failed had waited
 * for so many milliseconds. Polls that fail together are one failure of the
 * relay, and one line of the log, unless quiet.
 */
void agent_relay_failed(
    struct agent_relay *r, const char *why, int64_t waited, int quiet);

/* The process pid has ended, whatever it was. */
void agent_relay_reaped(struct agent_relay *r, pid_t pid);

/* One that was told to end has become a session. */
void agent_relay_arrival(struct agent_relay *r);

/* Ends half of those that are too many: they go to ending. */
void agent_relay_trim(struct agent_relay *r, struct ending *ending);

/*
 * Ends all that waits, likewise, and lets the next begin at once. Sessions live
 * on.
 */
void agent_relay_restart(struct agent_relay *r, struct ending *ending);

/* The same, but none begins until it is woken: another relay does. */
void agent_relay_rest(struct agent_relay *r, struct ending *ending);
void agent_relay_wake(struct agent_relay *r);

/* Forgets the polls, without a word to them: for a child process. */
void agent_relay_forget(struct agent_relay *r);

/* A line of the log on how it goes. */
void agent_relay_status(struct agent_relay *r);

#endif
