/*
 * The store, a Valkey or Redis: commands to it and their answers, in order,
 *over one connection that is made again whenever it is lost. It is up once it
 *says that it is no replica, and has taken a first write, which its owner
 *makes.
 *
 *	AWAY --> CONNECTING --> HANDSHAKE --> GREETING --> UP
 *	  ^________________________|______________|________|
 *
 * Nothing here waits. The protocol is hiredis's, the socket is ours; what comes
 *is bounded before anything is made of it.
 */
#ifndef PRESENCE_STORE_H
#define PRESENCE_STORE_H

#include "base/backoff.h"
#include "presence/link.h"
#include "presence/settings.h"

#include <hiredis/hiredis.h>

#define STORE_PENDING_MAX 2048 /* commands without an answer */

/*
 * What becomes of a command: reply, which is the store's until this returns, or
 * NULL where it came to nothing.
 */
typedef void store_answer(void *owner, uintptr_t tag, const redisReply *reply);

struct store_command {
	store_answer *answer;
	void *owner;
	uintptr_t tag;
	int64_t deadline; /* base/deadline.h */
};

enum store_state {
	STORE_AWAY,
	STORE_CONNECTING,
	STORE_HANDSHAKE,
	STORE_GREETING,
	STORE_UP,
};

struct store {
	const struct settings *settings;
	enum store_state state;
	struct link link;
	size_t place; /* of the settings' */
	int64_t due;  /* when to connect again, or until when to have */
	struct backoff backoff;
	redisReader *reader;
	size_t fed; /* bytes of a reply that is not whole */
	char *out;  /* what is to be written */
	size_t out_len, out_done, out_size;
	struct store_command pending[STORE_PENDING_MAX]; /* a ring */
	size_t first, count;
	int complained; /* that it is away */
	void *owner;
	/* it is a master: the owner makes its first write, then store_confirm
	 */
	void (*greet)(void *owner);
	void (*changed)(void *owner); /* it is up, or no longer */
};

/* owner, greet and changed are set. Starts as away, due at once. */
void store_init(struct store *s, const struct settings *settings);

/* The events that poll(2) is to wait for at s->link.fd; due: until when. */
short store_events(const struct store *s);
int64_t store_due(const struct store *s);

/* Goes on: after poll(2), with what it returned for the socket, or 0. */
void store_turn(struct store *s, short revents);

/*
 * Sends a command of argc words. Returns 0, and answer is called once, with
 * owner and tag; or -1
 * where the store is away, too much is under way, or memory is short.
 */
int store_send(struct store *s, int argc, const char *const *argv,
    store_answer *answer, void *owner, uintptr_t tag);

/* Whether as many more commands could be sent. */
int store_has_room(const struct store *s, size_t commands);

/* Its first write succeeded. */
void store_confirm(struct store *s);

/* It is not what it should be: the connection is made anew, after a while. */
void store_fail(struct store *s, const char *reason);

/* Ends the connection; another is made at once, by these settings. */
void store_restart(struct store *s, const struct settings *settings);

void store_free(struct store *s);

#endif
