/* The hop between two handlers: see hop.h. */
#define _GNU_SOURCE
#include "channel/hop.h"
#include "base/fd.h"
#include "ipc/fdpass.h"

#include <errno.h>
#include <fcntl.h>
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

	*h = (struct hop){.fd = fd, .memory = MAP_FAILED, .socket = -1};
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
	hop_forget_rings(h);
	fd_close(&h->socket);
	fd_close(&h->fd);
}

void
hop_forget_rings(struct hop *h)
{
	if (h->memory != MAP_FAILED)
		munmap(h->memory, HOP_MEMORY_BYTES);
	h->memory = MAP_FAILED;
}

/* ---- packets ---- */

/* A handful of packets always fits: nobody polls for room. */
static int
sent(ssize_t n)
{
	if (n == -1 && errno == EAGAIN)
		errno = ENOBUFS;
	return n == -1 ? -1 : 0;
}

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
	return sent(n);
}

int
hop_finish(struct hop *h)
{
	if (!h->marked)
		return hop_send(h, HOP_END, NULL, 0);
	h->asked = 1;
	return hop_send(h, HOP_BARE, NULL, 0);
}

int
hop_give(struct hop *h, int fd)
{
	const uint8_t byte = HOP_SOCKET;

	return sent(fdpass_send(h->fd, &byte, 1, &fd, 1));
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
	if ((msg.msg_flags & MSG_TRUNC) != 0) {
		errno = EPROTO;
		return -1;
	}
	*type = (enum hop_type)byte;
	return n - 1;
}

/* Whoever writes to it must not sleep there: splice(2) asks the descriptor. */
static int
never_blocks(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags != -1 && (flags & O_NONBLOCK) != 0;
}

/* Whether a packet may come now, with this fd; -1: without. */
static int
is_in_order(const struct hop *h, uint8_t type, int fd)
{
	const int with_fd = fd != -1;

	switch (type) {
	case HOP_BELL:
		return !with_fd;
	case HOP_BARE:
		return !with_fd && h->marked && !h->bare;
	case HOP_SOCKET:
		return with_fd && h->asked && h->socket == -1 &&
		       never_blocks(fd);
	case HOP_END:
		return !with_fd && !h->ended && h->bare == h->marked;
	default:
		return 0;
	}
}

/* Obeys one of them, and keeps the fd. Returns 0, or -1: it makes no sense. */
static int
take_event(struct hop *h, uint8_t type, int fd)
{
	if (!is_in_order(h, type, fd)) {
		fd_close(&fd);
		return -1;
	}
	if (type == HOP_BARE)
		h->bare = 1;
	else if (type == HOP_SOCKET)
		h->socket = fd;
	else if (type == HOP_END)
		h->ended = 1;
	return 0;
}

int
hop_listen(struct hop *h)
{
	while (!h->gone) {
		uint8_t byte;
		size_t came;
		int fd;
		ssize_t n = fdpass_receive(h->fd, &byte, 1, &fd, 1, &came);

		if (n == -1 && errno == EAGAIN)
			break;
		h->heard = 1;
		if (n != 1 || take_event(h, byte, fd) == -1)
			h->gone = 1;
	}
	if (h->gone)
		errno = ECONNRESET;
	return h->gone ? -1 : 0;
}

/* ---- the rings ---- */

void *
hop_room(struct hop *h, size_t *len)
{
	void *at = ring_room(&h->out, len);

	if (at == NULL || *len > 0)
		return at;
	if (hop_listen(h) == -1)
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
	int gone, last;

	if (at == NULL || *len > 0)
		return at;
	/* what was put there before the end or the other's death comes first */
	gone = hop_listen(h) == -1;
	last = h->ended || h->bare;
	gone = gone && !last;
	if (ring_wait_data(&h->in) || last)
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
