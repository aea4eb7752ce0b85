/* Packets with descriptors: see fdpass.h. */
#define _GNU_SOURCE
#include "ipc/fdpass.h"
#include "base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Room for what is sent, and to receive what nobody asked for. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int
fdpass_send(int sock, const void *bytes, size_t len, const int *fds, size_t n)
{
	union control control = {.bytes = {0}};
	struct iovec iov = {(void *)bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	const size_t size = n * sizeof(int);
	ssize_t sent;

	if (n > FDPASS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (n > 0) {
		struct cmsghdr *c = &control.align; /* CMSG_FIRSTHDR */

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(size);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds, size);
	}
	do {
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	return sent == -1 ? -1 : 0;
}

/* Keeps the first n that came and closes the rest. Returns how many came. */
static size_t
take_fds(struct msghdr *msg, int *fds, size_t n)
{
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(
			    &fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (came < n)
				fds[came] = fd;
			else
				fd_close(&fd);
			came++;
		}
	}
	return came;
}

ssize_t
fdpass_receive(
    int sock, void *buf, size_t size, int *fds, size_t n, size_t *came)
{
	union control control;
	struct iovec iov = {buf, size};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes),
	};
	ssize_t len;

	*came = 0;
	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	/* Where the other side closed with packets of ours unread, the kernel
	 * tells of a reset, once, before it hands out what was sent first. */
	do {
		len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (len == -1 && (errno == EINTR || errno == ECONNRESET));
	if (len <= 0)
		return len;
	*came = take_fds(&msg, fds, n);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return len;
	for (size_t i = 0; i < n; i++)
		fd_close(&fds[i]);
	errno = EPROTO;
	return -1;
}
