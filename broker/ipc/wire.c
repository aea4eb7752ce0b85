/* Messages on a Unix socket: see wire.h. */
#define _GNU_SOURCE
#include "ipc/wire.h"
#include "base/deadline.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define SURPLUS_FDS 8 /* room to receive, and close, what nobody asked for */

_Static_assert(WIRE_FDS <= SURPLUS_FDS, "no room for fds");

int
wire_send(int sock, const struct message *m, const int *fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	} control;
	static uint8_t bytes[MESSAGE_MAX]; /* no page of stack for each */
	struct iovec iov = {.iov_base = bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ptrdiff_t len = message_encode(m, bytes, sizeof(bytes));
	const size_t size = message_fds(m) * sizeof(int);
	ssize_t n;

	if (len == -1)
		return -1;
	iov.iov_len = (size_t)len;
	if (size > 0) {
		struct cmsghdr *cmsg = &control.align; /* CMSG_FIRSTHDR */

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(size);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(cmsg), fds, size);
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

int
wire_rows_add(struct wire_rows *rows, const struct message *m)
{
	ptrdiff_t len = message_encode(
	    m, rows->bytes + rows->len, sizeof(rows->bytes) - rows->len);

	if (len == -1)
		return -1;
	rows->len += (size_t)len;
	return 0;
}

int
wire_rows_send(int sock, struct wire_rows *rows)
{
	ssize_t n = 0;

	if (rows->len > 0)
		do {
			n = send(sock, rows->bytes, rows->len, MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	rows->len = 0;
	return 0;
}

/* Keeps the first fds that came and closes the rest. Returns how many came. */
static size_t
take_fds(struct msghdr *msg, int fds[static WIRE_FDS])
{
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(
			    &fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (came < WIRE_FDS)
				fds[came] = fd;
			else
				fd_close(&fd);
			came++;
		}
	}
	return came;
}

void
wire_close_fds(struct wire_packet *packet)
{
	for (size_t i = 0; i < WIRE_FDS; i++)
		fd_close(&packet->fds[i]);
}

int
wire_receive(int sock, struct wire_packet *packet)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(SURPLUS_FDS * sizeof(int))];
	} control;
	struct iovec iov = {packet->bytes, sizeof(packet->bytes)};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf),
	};
	size_t came;
	ssize_t n;

	for (size_t i = 0; i < WIRE_FDS; i++)
		packet->fds[i] = -1;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	came = take_fds(&msg, packet->fds);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		errno = EPROTO;
		goto fail;
	}
	packet->len = (size_t)n;
	packet->taken = 0;
	if (wire_next(packet) != 1)
		goto fail;
	if (came != message_fds(&packet->message)) {
		errno = EPROTO;
		goto fail;
	}
	return 1;
fail:
	wire_close_fds(packet);
	return -1;
}

int
wire_receive_by(int sock, struct wire_packet *packet, int64_t deadline)
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};

	for (;;) {
		int rc = wire_receive(sock, packet);

		if (rc == 1)
			return 0;
		if (rc == 0)
			errno = ECONNRESET;
		if (rc == 0 || errno != EAGAIN)
			return -1;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
wire_next(struct wire_packet *packet)
{
	ptrdiff_t n;

	if (packet->taken == packet->len)
		return 0;
	n = message_decode(&packet->message, packet->bytes + packet->taken,
	    packet->len - packet->taken);
	if (n == -1)
		return -1;
	packet->taken += (size_t)n;
	return 1;
}
