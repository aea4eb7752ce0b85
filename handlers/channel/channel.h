/*
 * A channel: one end of a session, whatever carries it. The splice moves bytes
 * between two of them and knows no more than this.
 *
 *	channel_tls.h  a TLS connection
 *	channel_hop.h  the way to the other handler of a session
 *	channel_sealed.h  TLS of both ends, over the one to the relay
 *	channel_tcp    a plain stream socket, as to the agent's target
 *
 * A kind of channel is its ops, and a struct that begins with struct channel
 * and has what they need. One kind may lie over another (channel_over), to
 * change what is read of that or written to it.
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

struct channel;

struct channel_ops {
	/*
	 * Reads at most len bytes. Returns how many, 0 at the clean end, or -1
	 * with errno; EAGAIN sets read_wants. NULL where there is data.
	 */
	ssize_t (*read)(struct channel *, void *buf, size_t len);
	/*
	 * Writes at most len bytes, likewise; EAGAIN sets write_wants, and the
	 * next call has to bring the same bytes again, and may bring more.
	 */
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
	/* As channel_expect_bulk; NULL: it makes no difference. */
	void (*expect_bulk)(struct channel *);
	/* Frees what the channel owns beside fd; NULL: nothing. */
	void (*release)(struct channel *);
};

struct channel {
	const struct channel_ops *ops; /* NULL: of no kind yet, only an fd */
	int fd;
	short read_wants;      /* what a blocked read polls for */
	short write_wants;     /* what a blocked write or finish polls for */
	uint64_t arrived;      /* bytes read in all, dropped ones too */
	struct channel *under; /* of one that lies over another */
};

static inline ssize_t
channel_read(struct channel *ch, void *buf, size_t len)
{
	return ch->ops->read(ch, buf, len);
}

static inline ssize_t
channel_write(struct channel *ch, const void *buf, size_t len)
{
	return ch->ops->write(ch, buf, len);
}

static inline int
channel_finish(struct channel *ch)
{
	return ch->ops->finish(ch);
}

/*
 * Takes over fd until channel_close or channel_abort. If the process dies
 * before, the peer sees a reset.
 */
void channel_tcp(struct channel *ch, int fd);

/*
 * Makes ch a channel over another one, which has a read. Closing ch closes that
 * too; its owner can do so instead.
 */
void channel_over(
    struct channel *ch, const struct channel_ops *ops, struct channel *under);

/*
 * What such a channel's ops do with the one under it, or are, where they change
 * nothing. They hand up what that wants and how much has arrived.
 */
ssize_t channel_pass_read(struct channel *ch, void *buf, size_t len);
ssize_t channel_pass_write(struct channel *ch, const void *buf, size_t len);
int channel_pass_finish(struct channel *ch);
void channel_pass_bulk(struct channel *ch);

/*
 * Much may come from now on: TLS reads as many records at once as are there.
 * Read until EAGAIN before each poll(2), then.
 */
void channel_expect_bulk(struct channel *ch);

/* Closes, with what lies under it; what the kernel still holds is sent. */
void channel_close(struct channel *ch);

/* Closes so that the peer sees a reset. */
void channel_abort(struct channel *ch);

/*
 * Ends our direction and reads away what the peer still sends, until it ends
 * too or deadline (base/deadline.h): closing with bytes unread would reset the
 * connection under what was written last.
 */
void channel_linger(struct channel *ch, int64_t deadline);

/*
 * Reads as channel_read does, but waits where nothing is there. Returns -1 with
 * ETIMEDOUT where nothing came by deadline (base/deadline.h), with EAGAIN where
 * all that came was dropped or is kept back by the channel.
 */
ssize_t channel_read_by(
    struct channel *ch, void *buf, size_t len, int64_t deadline);

/*
 * Writes all of buf by deadline (base/deadline.h). Returns 0, or -1 with errno
 * (ETIMEDOUT).
 */
int channel_write_all(
    struct channel *ch, const void *buf, size_t len, int64_t deadline);

#endif
