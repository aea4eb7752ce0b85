/*
 * The change-over between two handlers, as one of them sees it
 * (handlers/channel/hop.c): packets of a hostile other one in any order, with
 * and without descriptors, among our own steps. What is obeyed is what a model
 * of the order allows, no other descriptor is kept, and none is lost.
 */
#define _GNU_SOURCE
#include "base/fd.h"
#include "channel/hop.h"
#include "fuzz.h"
#include "ipc/fdpass.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the hop is to be like. */
struct model {
	int marked, asked, bare, socket, ended, gone;
};

static void
open_hop(struct hop *h, int *other, int marked, enum role role)
{
	int pair[2], memory = memfd_create("hop", MFD_CLOEXEC);

	MUST(memory != -1 && ftruncate(memory, HOP_MEMORY_BYTES) == 0);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		 0, pair) == 0);
	MUST(hop_open(h, pair[0], memory, role) == 0);
	h->marked = marked;
	*other = pair[1];
}

/* Whether the packet may come now, which changes the model. */
static int
obeys(struct model *m, uint8_t type, unsigned with_fd, int blocks)
{
	if (type == HOP_SOCKET) {
		if (!with_fd || blocks || !m->asked || m->socket)
			return 0;
		return m->socket = 1;
	}
	if (with_fd)
		return 0;
	switch (type) {
	case HOP_BELL:
		return 1;
	case HOP_BARE:
		if (!m->marked || m->bare)
			return 0;
		return m->bare = 1;
	case HOP_END:
		if (m->ended || m->bare != m->marked)
			return 0;
		return m->ended = 1;
	default:
		return 0;
	}
}

/* The other handler sends one packet. */
static void
send_packet(int other, struct model *m, struct fuzz_input *in)
{
	static const uint8_t types[] = {
	    HOP_BARE, HOP_SOCKET, HOP_END, HOP_BELL, HOP_HEAD, HOP_MARKED};
	const unsigned how = fuzz_byte(in);
	const uint8_t type = how % 8 < sizeof(types) ? types[how % 8]
						     : (uint8_t)fuzz_byte(in);
	const unsigned with_fd = (how & 8) != 0;
	const int blocks = (how & 16) != 0;
	const uint8_t bytes[2] = {type, 0};
	const size_t len = (how & 224) == 224 ? 2 : 1;
	int fd = -1;

	if (with_fd)
		fd = socket(AF_UNIX,
		    SOCK_STREAM | SOCK_CLOEXEC | (blocks ? 0 : SOCK_NONBLOCK),
		    0);
	if (fdpass_send(other, bytes, len, &fd, with_fd) == 0 && !m->gone &&
	    (len != 1 || !obeys(m, type, with_fd, blocks)))
		m->gone = 1;
	fd_close(&fd);
}

/* We read: only an end that was told is one. */
static void
read_ring(struct hop *h, const struct model *m)
{
	size_t len = 0;
	const void *at;

	errno = 0;
	at = hop_data(h, &len);
	if (m->ended || m->bare)
		MUST(at != NULL && len == 0);
	else
		MUST(at == NULL && errno == (m->gone ? ECONNRESET : EAGAIN));
}

static void
step(struct hop *h, int *other, struct model *m, struct fuzz_input *in)
{
	switch (fuzz_byte(in) % 8) {
	case 0:
		if (m->asked || !m->marked)
			return;
		MUST(hop_finish(h) == 0 || *other == -1);
		m->asked = 1;
		return;
	case 1:
		read_ring(h, m);
		return;
	case 2:
		MUST(hop_give(h, h->fd) == 0 || *other == -1);
		return;
	case 3:
		if (fuzz_byte(in) % 4 == 0) {
			fd_close(other);
			m->gone = 1;
		}
		return;
	default:
		if (*other != -1)
			send_packet(*other, m, in);
	}
}

static void
compare(struct hop *h, const struct model *m)
{
	MUST((hop_listen(h) == -1) == m->gone);
	MUST(h->bare == m->bare && h->ended == m->ended);
	MUST((h->socket != -1) == m->socket);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const unsigned fds = fuzz_open_fds(), first = fuzz_byte(&in);
	struct model m = {.marked = first & 1};
	struct hop h;
	int other;

	open_hop(&h, &other, m.marked, first & 2 ? ROLE_STONE : ROLE_AGENT);
	for (int i = 0; i < 64 && in.left > 0; i++) {
		step(&h, &other, &m, &in);
		compare(&h, &m);
	}
	hop_close(&h);
	fd_close(&other);
	MUST(fuzz_open_fds() == fds);
	return 0;
}
