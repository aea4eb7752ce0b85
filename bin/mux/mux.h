/*
 * Many connections over one session: the pipe that the relay makes between
 * relay-stone and relayagent carries HTTP/2 with prior knowledge (RFC 9113),
 * and each connection is a CONNECT stream (section 8.5). relay-stone is the
 * client, relayagent the server. Both ends of this file's streams are sockets
 * whose bytes, half-closes and resets travel as DATA, END_STREAM and
 * RST_STREAM. One process, one epoll loop, a session.
 *
 * A stream that reads slowly holds back its own window and no other's.
 */
#ifndef MUX_MUX_H
#define MUX_MUX_H

#include "channel/channel.h"
#include "mux/base.h"

#include <stdint.h>

/* The authority of a stream that asks for the target without a name. */
#define MUX_PLAIN_AUTHORITY "*"

/* What X-Mux says in the request head and in its answer. */
#define MUX_NAME  "h2"
#define MUX_FIELD "X-Mux: " MUX_NAME "\r\n"

#define MUX_STREAMS_DEFAULT 256
#define MUX_STREAMS_MAX     16384

enum mux_side { MUX_CLIENT, MUX_SERVER };

enum mux_result {
	MUX_DONE,  /* it drained, and no stream was lost */
	MUX_BROKE, /* it broke; open streams were reset */
};

struct mux_stream;

/*
 * What one side does of its own. A call that the side has no use for may be
 * NULL where this says so.
 */
struct mux_calls {
	/*
	 * Server: a CONNECT for this authority ("": one that is too long to
	 * be a service's name). Leads, now or later, to one of
	 * mux_stream_join and mux_stream_refuse.
	 */
	void (*asked)(struct mux_stream *s, const char *authority);

	/* Client: the other side's settings are here; streams may open. */
	void (*ready)(struct mux *m);

	/* Client: answered with this status, which is no success. */
	void (*refused)(struct mux_stream *s, int status, const char *reason);

	/*
	 * Client: nothing of the stream was looked at by the other side, and
	 * no byte of fd's has gone there. The call takes fd over.
	 */
	void (*unserved)(struct mux_stream *s, int fd);

	/* A stream's due time has passed before it was joined. */
	void (*late)(struct mux_stream *s);

	/* A stream is about to be freed; its fields are still good. */
	void (*gone)(struct mux_stream *s);

	/* The other side wants no new streams. May be NULL. */
	void (*draining)(struct mux *m);
};

/* ---- a session ---- */

/*
 * Makes a session over relay, which the caller keeps and closes after
 * mux_free. streams: how many the other side may open (server). owner is
 * handed back by mux_owner. Returns NULL with errno.
 */
struct mux *mux_new(enum mux_side side, struct channel *relay,
    const struct mux_calls *calls, void *owner, uint32_t streams);

/* Resets what streams are left, and frees all. NULL is fine. */
void mux_free(struct mux *m);

/* Takes in bytes that the relay sent and somebody else has read already. */
void mux_feed(struct mux *m, const void *bytes, size_t len);

/* Runs until an end. What broke is mux_error. */
enum mux_result mux_run(struct mux *m);

/*
 * One turn of mux_run, which waits at most timeout milliseconds (-1: as long
 * as it takes). Returns 1 while the session goes on, else 0 with *result.
 */
int mux_turn(struct mux *m, int timeout, enum mux_result *result);

/* Says GOAWAY: no new streams; those that are there run on. */
void mux_drain(struct mux *m);

/*
 * Says the end in order where that can still be done, and waits for the other
 * side's, for at most 2 seconds. relay is then only to be closed.
 */
void mux_finish(struct mux *m);

/* How many streams there are, were in all, and may be opened (client). */
size_t mux_count(const struct mux *m);
uint64_t mux_total(const struct mux *m);
size_t mux_vacant(const struct mux *m);

/* Bytes of the session so far, both ways together. */
uint64_t mux_moved(const struct mux *m);

/* ---- a stream ---- */

/*
 * Client: opens one for the socket fd, which it takes over; until it is
 * answered, nothing is read from fd. tries and due (base/deadline.h) are the
 * caller's, see mux_stream_tries. Returns 0, or -1 with errno; fd is then still
 * the caller's.
 */
int mux_open(
    struct mux *m, int fd, const char *authority, unsigned tries, int64_t due);

/*
 * Server: leads the stream to fd, a connected non-blocking socket that is
 * watched with MUX_SOCKET_EVENTS and the stream's source, and answers 200.
 */
void mux_stream_join(struct mux_stream *s, int fd);

/* Server: answers with status and a reason, and ends the stream. */
void mux_stream_refuse(struct mux_stream *s, int status, const char *reason);

/* Resets both ends. */
void mux_stream_abort(struct mux_stream *s);

#define MUX_SOCKET_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

#endif
