/*
 * The children that may serve more than one connection, one after another
 * (handler_uses in relay.conf(5)). Each has a channel to the spawner, a pair of
 * sockets:
 *
 *	child -> spawner: a byte, where its connection has ended in order
 *	spawner -> child: a struct pool_task, with the next connection
 *
 * and the end of either is that of the child: it ends where the spawner has let
 * go of its channel, at once or as soon as its connection has ended. The
 * spawner counts, so that a child that was broken into cannot serve more.
 */
#ifndef SPAWN_POOL_H
#define SPAWN_POOL_H

#include "ipc/message.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Children with a channel: each is a descriptor, which fork(2) copies. As many
 * as agents may come at a time and wait to be parked.
 */
#define POOL_MAX 512

/* What comes with the next connection. */
struct pool_task {
	uint8_t is_handoff;       /* it is relay-handoff's, with a lifeline */
	uint8_t is_last;          /* and the channel's end follows */
	uint8_t log_level;        /* as log_level() has it */
	uint8_t is_woken;         /* it is an agent's that was parked */
	struct message_wake wake; /* what the broker said of that */
};

/* The descriptors beside it; -1: none. */
enum { POOL_SOCKET, POOL_LIFELINE, POOL_OTHER_END, POOL_FDS };

struct pool_member {
	pid_t pid;
	int channel;
	int idle;
	unsigned left; /* connections that it may still serve */
	int64_t since; /* it idles, or has served (base/deadline.h) */
};

struct pool {
	int watch;   /* epoll(7), of all channels */
	int next[2]; /* the channel of the next child: ours, its; -1: it gets
			none */
	struct pool_member members[POOL_MAX];
	size_t count;
};

/* Returns 0, or -1 with errno. */
int pool_open(struct pool *p);

/* Lets go of all. */
void pool_close(struct pool *p);

/* ---- before, in and after a fork ---- */

/*
 * Makes a channel for the next child, if it may have one: where all others have
 * served for so long that a new process each would cost no more, the oldest is
 * let go.
 */
void pool_prepare(struct pool *p);

/* In the child: closes what is the spawner's. Returns its channel, or -1. */
int pool_become_child(struct pool *p);

/* In the spawner: the child has got its channel, for so many connections more.
 */
void pool_add(struct pool *p, pid_t pid, unsigned left);

/* ---- connections ---- */

/* The child that has idled for the shortest time; NULL: none does. */
struct pool_member *pool_idle(struct pool *p);

/*
 * Gives m, which idles, a connection: task but is_last, and fds (-1: none),
 * which stay the caller's. Returns 0, or -1: it is let go.
 */
int pool_give(struct pool *p, struct pool_member *m, struct pool_task task,
    const int fds[static POOL_FDS]);

/* ---- what becomes of them ---- */

/*
 * Hears which children have ended their connection: rests says whether one may
 * have another.
 */
void pool_listen(struct pool *p, int (*rests)(void *arg, pid_t pid), void *arg);

/* When pool_tidy has something to do; DEADLINE_NONE: never. */
int64_t pool_due(const struct pool *p);

/* Lets go of who has idled for long. */
void pool_tidy(struct pool *p);

/* The child has ended. */
void pool_forget(struct pool *p, pid_t pid);

/* Lets go of all that there are: what they know is out of date. */
void pool_retire(struct pool *p);

#endif
