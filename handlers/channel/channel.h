/*
 * A channel: one end of a session, whatever carries it. The splice moves bytes
 * between two of them and knows no more than this.
 *
 *	channel_tls   a TLS connection
 *	channel_hop   the way to the other handler of a session
 *	channel_tcp   a plain stream socket, as to the agent's target
 *
 * All are non-blocking. Three ends are told apart: a clean end of one direction
 * (read returns 0; finish sends one), EAGAIN, and an error, which is never
 * passed on as a clean end.
 */
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ssl_st SSL;
struct hop;

struct channel {
	int fd;
	/*
	 * Reads at most len bytes. Returns how many, 0 at the clean end, or -1
	 * with errno; EAGAIN sets read_wants. NULL where there is data.
	 */
	ssize_t (*read)(struct channel *, void *buf, size_t len);
	/* Writes at most len bytes, likewise; EAGAIN sets write_wants. */
	ssize_t (*write)(struct channel *, const void *buf, size_t len);
	/*
	 * Ends our direction cleanly; the other stays open. Returns 0, or -1
	 * with errno (EAGAIN: call again).
	 */
	int (*finish)(struct channel *);
	/*
	 * Where bytes can be read and written in place, else NULL: room is
	 * where to put up to *len bytes, data is what has come (*len 0 at the
	 * clean end); put and take say how many were. NULL with errno as above.
	 */
	void *(*room)(struct channel *, size_t *len);
	void (*put)(struct channel *, size_t len);
	const void *(*data)(struct channel *, size_t *len);
	void (*take)(struct channel *, size_t len);
	/*
	 * To be called before poll(2), else NULL. Returns 1 where reading and
	 * writing are worth a try without waiting.
	 */
	int (*before_wait)(struct channel *);
	short read_wants;  /* what a blocked read polls for */
	short write_wants; /* what a blocked write or finish polls for */
	uint64_t arrived;  /* bytes read in all, dropped ones too */
	int drop_blank;    /* TLS: drop CR and LF until another byte comes */
	int broken;        /* TLS: the next read fails, this one had data */
	SSL *ssl;          /* TLS only */
	struct hop *hop;   /* hop only */
};

/*
 * Each takes over fd (and ssl) until channel_close or channel_abort. If the
 * process dies before, the peer of a TLS or TCP channel sees a reset.
 */
void channel_tls(struct channel *ch, SSL *ssl);
void channel_tcp(struct channel *ch, int fd);

/* Borrows hop, which the caller closes. */
void channel_hop(struct channel *ch, struct hop *hop);

/*
 * Much may come from now on: TLS reads as many records at once as are there.
 * Read until EAGAIN before each poll(2), then.
 */
void channel_expect_bulk(struct channel *ch);

/* Closes; what the kernel still holds is sent. */
void channel_close(struct channel *ch);

/* Closes so that the peer of a TLS or TCP channel sees a reset. */
void channel_abort(struct channel *ch);

/*
 * Ends our direction and reads away what the peer still sends, until it ends
 * too or deadline (base/deadline.h): closing with bytes unread would reset the
 * connection under what was written last.
 */
void channel_linger(struct channel *ch, int64_t deadline);

/*
 * Writes all of buf by deadline (base/deadline.h). Returns 0, or -1 with errno
 * (ETIMEDOUT).
 */
int channel_write_all(
    struct channel *ch, const void *buf, size_t len, int64_t deadline);

#endif
