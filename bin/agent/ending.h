/*
 * Polls that were told to end, until they have: a stone may have come just
 * before, and then it is a session like any other.
 */
#ifndef AGENT_ENDING_H
#define AGENT_ENDING_H

#include "agent/conf.h"

#include <poll.h>
#include <sys/types.h>

#define ENDING_MAX 1024 /* twice as many as there can be polls */

struct ending {
	size_t n;
	struct ending_poll {
		int news;                    /* from its process */
		pid_t pid;                   /* of it; 0: it has ended */
		char relay[TARGET_TEXT_MAX]; /* host:port */
	} list[ENDING_MAX];
};

/* Tells a poll of that relay to end, and takes its news over. */
void ending_add(struct ending *e, int news, pid_t pid, const char *relay);

/* Says what to poll(2) for: sets the first n of pfd. */
void ending_wants(const struct ending *e, struct pollfd *pfd);

/*
 * Takes the news that are there. Returns 1 where one has become a session,
 * which *taken then is, and is to be called again; 0 where no other has.
 */
int ending_next(struct ending *e, struct ending_poll *taken);

/* How many of their processes live. */
unsigned ending_processes(const struct ending *e);

/* The process pid has ended, whatever it was. */
void ending_reaped(struct ending *e, pid_t pid);

/* Forgets all, without a word to them: for a child process. */
void ending_forget(struct ending *e);

#endif
