/* The hop between two handlers: see hop.h. */
#define _GNU_SOURCE
#include "channel/hop.h"
#include "base/fd.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* The memory: a page with two struct ring_shared, then the two rings. */
static void
lay_out(struct hop *h, enum role role)
{
	struct ring_shared *shared = h->memory;
	unsigned char *bytes = (unsigned char *)h->memory + HOP_PAGE;
	struct ring up = {.shared = &shared[0], .bytes = bytes};
	struct ring down = {
	    .shared = &shared[1], .bytes = bytes + HOP_RING_BYTES};

	h->out = role == ROLE_STONE ? up : down;
	h->in = role == ROLE_STONE ? down : up;
}

int
hop_open(struct hop *h, int fd, int memory, enum role role)
{
	struct stat st;

	*h = (struct hop){.fd = fd, .memory = MAP_FAILED};
	if (fstat(memory, &st) == 0 && st.st_size == HOP_MEMORY_BYTES)
		h->memory = mmap(NULL, HOP_MEMORY_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED, memory, 0);
	fd_close(&memory);
	if (h->memory == MAP_FAILED) {
		fd_close(&h->fd);
		return -1;
	}
	lay_out(h, role);
	return 0;
}

void
hop_close(struct hop *h)
{
	if (h->fd == -1)
		return;
	munmap(h->memory, HOP_MEMORY_BYTES);
	fd_close(&h->fd);
}

/* ---- packets ---- */

int
hop_send(struct hop *h, enum hop_type type, const void *buf, size_t len)
{
	uint8_t byte = (uint8_t)type;
	struct iovec iov[2] = {
	    {&byte, 1},
	    {(void *)(uintptr_t)buf, len},
	};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do {
		n = sendmsg(h->fd, &msg, MSG_NOSIGNAL);
	} while (n == -1 && errno == EINTR);
	/* a handful of packets always fits: nobody polls for room */
	if (n == -1 && errno == EAGAIN)
		errno = ENOBUFS;
	return n == -1 ? -1 : 0;
}

/*
 * Where the other side closes with packets of ours unread, the kernel tells of
 * a reset, once, before it hands out what was sent first.
 */
static int
is_first_reset(struct hop *h)
{
	if (errno != ECONNRESET || h->reset)
		return 0;
	h->reset = 1;
	return 1;
}

ssize_t
hop_receive(struct hop *h, enum hop_type *type, void *buf, size_t size)
{
	uint8_t byte;
	struct iovec iov[2] = {{&byte, 1}, {buf, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;

	do {
		n = recvmsg(h->fd, &msg, 0);
	} while (n == -1 && (errno == EINTR || is_first_reset(h)));
	if (n == -1)
		return -1;
	if (n == 0) {
		errno = ECONNRESET;
		return -1;
	}
	if ((msg.msg_flags & MSG_TRUNC) != 0 ||
	    (byte != HOP_HEAD && byte != HOP_TAKEN && byte != HOP_BELL &&
		byte != HOP_END)) {
		errno = EPROTO;
		return -1;
	}
	*type = (enum hop_type)byte;
	return n - 1;
}

/* ---- the rings ---- */

/* Takes the packets that are there. Returns 0, or -1: the other is gone. */
static int
listen_to_other(struct hop *h)
{
	enum hop_type type;
	ssize_t n;

	while (!h->gone) {
		n = hop_receive(h, &type, NULL, 0);
		if (n == -1 && errno == EAGAIN)
			break;
		h->heard = 1;
		if (n == -1 || (type != HOP_BELL && type != HOP_END))
			h->gone = 1;
		else if (type == HOP_END)
			h->ended = 1;
	}
	if (h->gone)
		errno = ECONNRESET;
	return h->gone ? -1 : 0;
}

void *
hop_room(struct hop *h, size_t *len)
{
	void *at = ring_room(&h->out, len);

	if (at == NULL || *len > 0)
		return at;
	if (listen_to_other(h) == -1)
		return NULL;
	if (ring_wait_room(&h->out))
		return ring_room(&h->out, len);
	errno = EAGAIN;
	return NULL;
}

const void *
hop_data(struct hop *h, size_t *len)
{
	const void *at = ring_data(&h->in, len);
	int gone;

	if (at == NULL || *len > 0)
		return at;
	/* what was put there before END or the other's death comes first */
	gone = listen_to_other(h) == -1 && !h->ended;
	if (ring_wait_data(&h->in) || h->ended)
		return ring_data(&h->in, len);
	errno = gone ? ECONNRESET : EAGAIN;
	return NULL;
}

int
hop_before_wait(struct hop *h)
{
	int heard;

	hop_bell(h);
	heard = h->heard;
	h->heard = 0;
	return heard;
}

void
hop_bell(struct hop *h)
{
	int reader = ring_bell_reader(&h->out);
	int writer = ring_bell_writer(&h->in);

	if (!(reader || writer) || hop_send(h, HOP_BELL, NULL, 0) == 0)
		return;
	/* who is gone shows in poll(2); one that sleeps on would hang */
	if (errno != EPIPE && errno != ECONNRESET)
		h->gone = h->heard = 1;
}
