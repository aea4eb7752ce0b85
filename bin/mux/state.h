/*
 * The state of a multiplexed session and of its streams, for the files of
 * mux.h and for the two sides, which use a stream's fields that say so.
 */
#ifndef MUX_STATE_H
#define MUX_STATE_H

#include "mux/mux.h"

#include <nghttp2/nghttp2.h>
#include <sys/queue.h>

/*
 * What one stream may have under way at first, which is the most that is held
 * here for a socket that takes nothing. A stream whose socket takes all that
 * comes gets more, twice as much each time, as long as the session's streams
 * have not got MUX_GROWTH_MAX more together: so one that carries much is as
 * fast as a session of its own, also where the way is long.
 */
#define MUX_STREAM_WINDOW (1024 * 1024)
#define MUX_WINDOW_MAX    (8 * 1024 * 1024)
#define MUX_GROWTH_MAX    (64UL * 1024 * 1024)

/*
 * What the kernel holds for targets that read nothing, beside what is under way
 * to them: one gets no more than this, and all streams together that.
 */
#define MUX_UNSENT_MAX     (128U * 1024)
#define MUX_UNSENT_ALL_MAX (64U * 1024 * 1024)

#define MUX_FRAME_MAX   65536 /* bytes of DATA: a read and a write of sockets */
#define MUX_IN_SIZE     131072 /* two of these */
#define MUX_OUT_SIZE    131072
#define MUX_FRAME_HEAD  9    /* bytes, RFC 9113 4.1 */
#define MUX_CONTROL_MAX 4096 /* bytes of our longest frame but DATA */
#define MUX_REASON_MAX  160

enum mux_stage {
	MUX_CONNECTING, /* client: not answered; server: not at its target */
	MUX_JOINED,     /* bytes pass */
	MUX_OVER, /* the socket is gone; HTTP/2 may still have to be told */
};

struct mux_stream {
	struct mux_source source; /* of fd */
	struct mux *mux;
	LIST_ENTRY(mux_stream) entry;
	enum mux_stage stage;
	int32_t id; /* 0: HTTP/2 has closed it */
	int fd;     /* -1: none yet, or none any more */
	unsigned readable : 1, writable : 1; /* worth a try */
	unsigned hung : 1;      /* an end is behind what can be read */
	unsigned ended_in : 1;  /* END_STREAM has come */
	unsigned ended_out : 1; /* and was said */
	unsigned char *held;    /* came for fd, which does not take it yet */
	uint32_t held_off, held_len, held_size;
	uint32_t window;  /* what may be under way to us */
	uint64_t grown;   /* what had come when it grew last */
	uint64_t in, out; /* bytes from the other side, and to it */

	/* the owner's */
	int64_t due;    /* base/deadline.h; "late" is called then */
	unsigned tries; /* client: sessions that had it; server: see there */
	uint16_t target, attempt; /* server: where to, which address */
};

struct mux {
	enum mux_side side;
	struct mux_source source; /* of the relay */
	struct channel *relay;
	const struct mux_calls *calls;
	void *owner;
	nghttp2_session *h2;
	int epoll;
	LIST_HEAD(, mux_stream) streams, dead;
	size_t count;   /* of streams */
	size_t waiting; /* of those in MUX_CONNECTING */
	uint64_t total;
	uint64_t sent;                 /* bytes, to the relay */
	size_t growth;                 /* of all streams' windows, bytes */
	uint32_t streams_max;          /* server */
	int readable, writable, ended; /* the relay */
	int settled;                   /* the other side's settings came */
	int draining;                  /* GOAWAY was said or heard */
	int64_t heard;                 /* when something came last */
	int64_t asked;    /* when a PING went out since then; 0: none */
	int64_t idle_at;  /* frames.c: frames that bring nothing on, */
	int idle_left;    /* and how many more may come */
	uint32_t refusal; /* the code of our GOAWAY, where idle.c gives up */
	char error[128];
	/* header blocks do not overlap: that which is coming in */
	struct {
		int connect, status, bad;
		size_t bytes;
		char authority[64], reason[MUX_REASON_MAX];
	} fields;
	size_t out_off, out_len;
	unsigned char in[MUX_IN_SIZE], out[MUX_OUT_SIZE];
};

/* ---- frames.c ---- */

/* Makes m->h2 and submits our settings. Returns 0, or -1 with errno. */
int mux_frames_start(struct mux *m);

/* ---- idle.c ---- */

/* Has c see frames that bring nothing on, of every type by the options o. */
void mux_idle_watch(nghttp2_session_callbacks *c);
void mux_idle_options(nghttp2_option *o);

/*
 * What only a whole frame tells; for on_frame_recv, which returns it. Returns
 * 0, or NGHTTP2_ERR_CALLBACK_FAILURE once there are too many.
 */
int mux_idle_settle(struct mux *m, const nghttp2_frame *frame);

/* ---- stream.c ---- */

/* A new stream in MUX_CONNECTING, or NULL with errno. */
struct mux_stream *mux_stream_new(struct mux *m);

/* What the socket of a joined stream, or an unanswered client's, tells. */
void mux_stream_ready(struct mux_source *source, uint32_t events);

/* Client: it was answered with success. */
void mux_stream_answered(struct mux_stream *s);

/* DATA, and END_STREAM, have come for it. */
void mux_stream_take(struct mux_stream *s, const uint8_t *data, size_t len);
void mux_stream_end(struct mux_stream *s);

/* HTTP/2 has closed it, with error code. */
void mux_stream_closed(struct mux_stream *s, uint32_t code);

/* Resets its socket and is through with it; HTTP/2 is told nothing. */
void mux_stream_drop(struct mux_stream *s);

/* Hands a client's socket, from which nothing was read, back to the owner. */
void mux_stream_return(struct mux_stream *s);

/* Reads DATA into m->out, an nghttp2_data_source_read_callback. */
ssize_t mux_stream_provide(nghttp2_session *h2, int32_t id, uint8_t *buf,
    size_t length, uint32_t *flags, nghttp2_data_source *source, void *arg);

/* Frees those that are through. */
void mux_stream_bury(struct mux *m);

/* ---- mux.c ---- */

/*
 * Resets the streams' sockets; those of a client that were not answered can be
 * served elsewhere, and go back to its owner.
 */
void mux_drop_sockets(struct mux *m);

#endif
