/* Messages on a Unix socket: see wire.h. */
#define _GNU_SOURCE
#include "wire.h"
#include "fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define SURPLUS_FDS 8 /* room to receive, and close, what nobody asked for */

int
wire_send(int sock, const struct message *m, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[MESSAGE_MAX];
	struct iovec iov = {.iov_base = bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ptrdiff_t len = message_encode(m, bytes, sizeof(bytes));
	ssize_t n;

	if (len == -1)
		return -1;
	iov.iov_len = (size_t)len;
	if (fd != -1) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
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

/* Keeps the first fd of all that came and closes the rest. */
static int
take_fds(struct msghdr *msg)
{
	int kept = -1;

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
			if (kept == -1)
				kept = fd;
			else
				fd_close(&fd);
		}
	}
	return kept;
}

/* The messages that mean nothing without one; no other may have one. */
static int
carries_fd(enum message_type type)
{
	return type == MESSAGE_MATCHED || type == MESSAGE_READY ||
	       type == MESSAGE_HANDOFF;
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
	ssize_t n;

	packet->fd = -1;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	packet->fd = take_fds(&msg);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		errno = EPROTO;
		goto fail;
	}
	packet->len = (size_t)n;
	packet->taken = 0;
	if (wire_next(packet) != 1)
		goto fail;
	if ((packet->fd != -1) != carries_fd(packet->message.type)) {
		errno = EPROTO;
		goto fail;
	}
	return 1;
fail:
	fd_close(&packet->fd);
	return -1;
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
