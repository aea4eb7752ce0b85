/* What all channels have in common, and the plain kind: see channel.h. */
#include "channel/channel.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "channel/tcp.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* ---- TCP ---- */

static ssize_t
tcp_read(struct channel *ch, void *buf, size_t len)
{
	ssize_t n = recv(ch->fd, buf, len, 0);

	if (n > 0)
		ch->arrived += (uint64_t)n;
	return n;
}

static ssize_t
tcp_write(struct channel *ch, const void *buf, size_t len)
{
	return send(ch->fd, buf, len, MSG_NOSIGNAL);
}

static int
tcp_finish(struct channel *ch)
{
	return shutdown(ch->fd, SHUT_WR);
}

void
channel_tcp(struct channel *ch, int fd)
{
	static const struct channel_ops ops = {
	    .read = tcp_read, .write = tcp_write, .finish = tcp_finish};

	tcp_reset_on_close(fd, 1);
	*ch = (struct channel){
	    .ops = &ops,
	    .fd = fd,
	    .read_wants = POLLIN,
	    .write_wants = POLLOUT,
	};
}

/* ---- over another one ---- */

void
channel_over(
    struct channel *ch, const struct channel_ops *ops, struct channel *under)
{
	*ch = *under;
	ch->ops = ops;
	ch->under = under;
}

ssize_t
channel_pass_read(struct channel *ch, void *buf, size_t len)
{
	ssize_t n = channel_read(ch->under, buf, len);

	ch->read_wants = ch->under->read_wants;
	ch->arrived = ch->under->arrived;
	return n;
}

ssize_t
channel_pass_write(struct channel *ch, const void *buf, size_t len)
{
	ssize_t n = channel_write(ch->under, buf, len);

	ch->write_wants = ch->under->write_wants;
	return n;
}

int
channel_pass_finish(struct channel *ch)
{
	int rc = channel_finish(ch->under);

	ch->write_wants = ch->under->write_wants;
	return rc;
}

void
channel_pass_bulk(struct channel *ch)
{
	channel_expect_bulk(ch->under);
}

/* ---- all ---- */

void
channel_expect_bulk(struct channel *ch)
{
	if (ch->ops->expect_bulk != NULL)
		ch->ops->expect_bulk(ch);
}

static void
release(struct channel *ch, int with_reset)
{
	for (; ch != NULL; ch = ch->under) {
		tcp_reset_on_close(ch->fd, with_reset);
		if (ch->ops != NULL && ch->ops->release != NULL)
			ch->ops->release(ch);
		if (ch->under != NULL)
			ch->fd = -1; /* it is that one's */
		else
			fd_close(&ch->fd);
	}
}

void
channel_close(struct channel *ch)
{
	release(ch, 0);
}

void
channel_abort(struct channel *ch)
{
	release(ch, 1);
}

void
channel_linger(struct channel *ch, int64_t deadline)
{
	struct pollfd pfd = {.fd = ch->fd, .events = POLLIN};
	char waste[4096];

	channel_finish(ch);
	shutdown(ch->fd, SHUT_WR);
	do {
		if (poll(&pfd, 1, deadline_left(deadline)) <= 0)
			break;
	} while (recv(ch->fd, waste, sizeof(waste), 0) > 0 &&
		 deadline_left(deadline) > 0);
}

ssize_t
channel_read_by(struct channel *ch, void *buf, size_t len, int64_t deadline)
{
	const uint64_t before = ch->arrived;

	for (;;) {
		ssize_t n = channel_read(ch, buf, len);
		struct pollfd pfd = {.fd = ch->fd, .events = ch->read_wants};

		if (n != -1 || errno != EAGAIN || ch->arrived > before)
			return n;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
channel_write_all(
    struct channel *ch, const void *buf, size_t len, int64_t deadline)
{
	const char *at = buf;

	while (len > 0) {
		ssize_t n = channel_write(ch, at, len);
		struct pollfd pfd = {.fd = ch->fd, .events = ch->write_wants};

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return -1;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}
