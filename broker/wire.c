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
	if (message_decode(&packet->message, packet->bytes, (size_t)n) == -1)
		goto fail;
	if ((packet->fd != -1) != message_has_fd(&packet->message)) {
		errno = EPROTO;
		goto fail;
	}
	return 1;
fail:
	fd_close(&packet->fd);
	return -1;
}
