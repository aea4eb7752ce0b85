/* Messages on a Unix socket: see wire.h. */
#include "ipc/wire.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "ipc/fdpass.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(WIRE_FDS <= FDPASS_MAX, "no room for fds");

int
wire_send(int sock, const struct message *m, const int *fds)
{
	static uint8_t bytes[MESSAGE_MAX]; /* no page of stack for each */
	ptrdiff_t len = message_encode(m, bytes, sizeof(bytes));
	int rc;

	if (len == -1)
		return -1;
	rc = fdpass_send(sock, bytes, (size_t)len, fds, message_fds(m));
	/* it stays, and the certificate in it is none of the next one's */
	explicit_bzero(bytes, (size_t)len);
	return rc;
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

void
wire_close_fds(struct wire_packet *packet)
{
	for (size_t i = 0; i < WIRE_FDS; i++)
		fd_close(&packet->fds[i]);
}

int
wire_receive(int sock, struct wire_packet *packet)
{
	size_t came;
	ssize_t n = fdpass_receive(sock, packet->bytes, sizeof(packet->bytes),
	    packet->fds, WIRE_FDS, &came);

	if (n <= 0)
		return (int)n;
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
