/*
 * A server that forks: accepts connections of its listeners in turns, and has
 * a child process serve each. It pauses while processes or descriptors are
 * short, counts its children and heeds signals; what is particular to a
 * program are calls.
 */
#ifndef FORK_FORKER_H
#define FORK_FORKER_H

#include "fork/children.h"

#include <stdint.h>

#define FORKER_LISTENERS_MAX 64
#define FORKER_ASIDE_MAX     3

struct forker;

/* How the program's log calls its children. */
struct forker_words {
	const char *shortage; /* event: one could not be made; call, error */
	const char *count;    /* its third key: how many there are */
	const char *killed;   /* event: one did not end by itself */
};

/* What the program does. Where a call says so, NULL is fine. */
struct forker_calls {
	/* Sets fds to the listeners, closed ones to -1; returns how many. */
	size_t (*listeners)(
	    const struct forker *f, int fds[static FORKER_LISTENERS_MAX]);

	/* Whether sock, of this listener, is to be served. NULL: always. */
	int (*admits)(const struct forker *f, size_t listener, int sock);

	/* Closes sock, which is not served. NULL: as close(2) does. */
	void (*refuse)(int sock);

	/*
	 * Has a child that is there already serve sock, which stays the
	 * caller's. Returns 1, or 0 where there is none. NULL: there never is.
	 */
	int (*reuse)(struct forker *f, size_t listener, int sock);

	/*
	 * In the child, where signals is closed already: closes what else is
	 * the parent's, serves sock and closes it. Returns a code for _exit(2).
	 */
	int (*child)(struct forker *f, size_t listener, int sock);

	/* At SIGHUP, also while draining. May change the listeners. */
	void (*reload)(struct forker *f);

	/*
	 * At the first SIGTERM or SIGINT, or at SIGUSR2 (leaving): closes the
	 * listeners.
	 */
	void (*drain)(struct forker *f);

	/*
	 * Before each wait: sets fds, all -1, to what else to wait for, and
	 * returns until when (base/deadline.h). NULL: there is no such thing.
	 */
	int64_t (*aside)(struct forker *f, int fds[static FORKER_ASIDE_MAX]);

	/* Serves those, of which at least one is ready. */
	void (*serve_aside)(struct forker *f);

	/*
	 * A child serves what admits has let in, of this listener. NULL:
	 * nothing to note.
	 */
	void (*started)(struct forker *f, size_t listener, pid_t pid);

	/*
	 * A child has ended. Returns whether it is known why: then no line is
	 * logged where a signal ended it. NULL: never.
	 */
	int (*ended)(struct forker *f, pid_t pid);
};

struct forker {
	/* set these */
	const struct forker_calls *calls; /* borrowed */
	const struct forker_words *words; /* borrowed */
	void *owner;                      /* for the calls; borrowed */
	int signals; /* signalfd: TERM, INT, HUP, CHLD, USR2; borrowed */
	size_t children_max; /* more wait in the backlog; 0: no limit */

	/* zero at first; the calls may read them */
	struct children *children;
	int draining;
	int leaving;
	int64_t paused_until; /* no accept before; 0: it goes on */
};

/*
 * Serves until SIGTERM or SIGINT, then waits for the children that live; a
 * second such signal kills these. At SIGUSR2 it leaves: the children live on
 * without it. Returns a sysexits(3) code.
 */
int forker_run(struct forker *f);

/*
 * Has a child serve sock, as if this listener had just brought it: for a
 * connection that has been admitted before. Where there is no child to be had
 * it is refused.
 */
void forker_serve(struct forker *f, size_t listener, int sock);

/* Logs that call ("accept", "fork") has failed, with errno. */
void forker_log_shortage(const struct forker *f, const char *call);

#endif
