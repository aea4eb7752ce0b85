/* The hop between two handlers: see hop.h. */
#include "hop.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

int
hop_send(int fd, enum hop_type type, const void *buf, size_t len)
{
	uint8_t byte = (uint8_t)type;
	struct iovec iov[2] = {
	    {&byte, 1},
	    {(void *)(uintptr_t)buf, len},
	};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

ssize_t
hop_receive(int fd, enum hop_type *type, void *buf, size_t size)
{
	uint8_t byte;
	struct iovec iov[2] = {{&byte, 1}, {buf, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	if (n == 0) {
		errno = ECONNRESET;
		return -1;
	}
	if ((msg.msg_flags & MSG_TRUNC) != 0 ||
	    (byte != HOP_HEAD && byte != HOP_TAKEN && byte != HOP_DATA &&
		byte != HOP_END)) {
		errno = EPROTO;
		return -1;
	}
	*type = (enum hop_type)byte;
	return n - 1;
}
