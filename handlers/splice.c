/* The splice: see splice.h. */
#include "splice.h"

#include <errno.h>
#include <poll.h>

#define TURN_READS 16 /* reads of one direction before the other's turn */

static void
init_flow(struct flow *f, struct channel *from, struct channel *to)
{
	f->from = from;
	f->to = to;
	f->off = f->len = 0;
	f->ended = f->finished = 0;
	f->readable = f->writable = 1;
}

void
splice_init(struct splice *s, struct channel *a, struct channel *b)
{
	init_flow(&s->ab, a, b);
	init_flow(&s->ba, b, a);
}

/* Writes what is in the buffer, or the end. Returns 0, or -1 with errno. */
static int
push(struct flow *f)
{
	while (f->len > 0) {
		ssize_t n = f->to->write(f->to, f->buf + f->off, f->len);

		if (n == -1)
			return -1;
		f->off += (size_t)n;
		f->len -= (size_t)n;
	}
	f->off = 0;
	if (f->ended && !f->finished) {
		if (f->to->finish(f->to) == -1)
			return -1;
		f->finished = 1;
	}
	return 0;
}

/* Fills the empty buffer. Returns 0, or -1 with errno. */
static int
pull(struct flow *f)
{
	ssize_t n = f->from->read(f->from, f->buf, sizeof(f->buf));

	if (n == -1)
		return -1;
	if (n == 0)
		f->ended = 1;
	f->len = (size_t)n;
	return 0;
}

/* Moves what can be moved. Returns the channel that broke, or NULL. */
static struct channel *
move(struct flow *f)
{
	for (int i = 0; i < TURN_READS; i++) {
		if (f->writable && push(f) == -1) {
			if (errno != EAGAIN)
				return f->to;
			f->writable = 0;
		}
		if (f->len > 0 || f->ended || !f->readable)
			break;
		if (pull(f) == -1) {
			if (errno != EAGAIN)
				return f->from;
			f->readable = 0;
		}
	}
	return NULL;
}

static int
wants_write(const struct flow *f)
{
	return !f->writable && (f->len > 0 || (f->ended && !f->finished));
}

static int
wants_read(const struct flow *f)
{
	return !f->readable && f->len == 0 && !f->ended;
}

/* What can be moved without waiting. */
static int
can_move(const struct flow *f)
{
	if (f->len > 0 || (f->ended && !f->finished))
		return f->writable;
	return !f->ended && f->readable;
}

/*
 * What to poll ch for, whose bytes go into out and come from in. Nothing at
 * all once it is finished and not to be read: a hang-up would make poll spin.
 */
static struct pollfd
interest(
    const struct channel *ch, const struct flow *out, const struct flow *in)
{
	struct pollfd pfd = {.fd = ch->fd};

	if (wants_read(out))
		pfd.events |= ch->read_wants;
	if (wants_write(in))
		pfd.events |= ch->write_wants;
	if (pfd.events == 0 && in->finished)
		pfd.fd = -1;
	return pfd;
}

/* TLS may wait for output to read, so any event makes both worth a try. */
static void
note(const struct pollfd *pfd, struct flow *out, struct flow *in)
{
	if (pfd->revents == 0)
		return;
	out->readable = 1;
	in->writable = 1;
}

/* A channel that nothing is wanted of, and that is gone all the same. */
static int
gone(const struct pollfd *pfd)
{
	return pfd->fd != -1 && pfd->events == 0 &&
	       (pfd->revents & (POLLERR | POLLHUP)) != 0;
}

enum splice_result
splice_run(struct splice *s, const struct splice_aside *aside)
{
	struct channel *a = s->ab.from, *b = s->ab.to;

	for (;;) {
		struct channel *broke;
		struct pollfd pfd[3];
		int timeout = -1;

		broke = move(&s->ab);
		if (broke == NULL)
			broke = move(&s->ba);
		if (broke != NULL)
			return broke == a ? SPLICE_A_BROKE : SPLICE_B_BROKE;
		if (s->ab.finished && s->ba.finished)
			return SPLICE_DONE;

		pfd[0] = interest(a, &s->ab, &s->ba);
		pfd[1] = interest(b, &s->ba, &s->ab);
		pfd[2] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (aside != NULL) {
			pfd[2].fd = aside->fd(aside->arg);
			timeout = aside->timeout(aside->arg);
		}
		if (can_move(&s->ab) || can_move(&s->ba))
			timeout = 0;
		if (poll(pfd, 3, timeout) == -1 && errno != EINTR)
			return SPLICE_A_BROKE;
		note(&pfd[0], &s->ab, &s->ba);
		note(&pfd[1], &s->ba, &s->ab);
		if (gone(&pfd[0]))
			return SPLICE_A_BROKE;
		if (gone(&pfd[1]))
			return SPLICE_B_BROKE;
		if (aside != NULL &&
		    (pfd[2].revents != 0 || aside->timeout(aside->arg) == 0) &&
		    aside->serve(aside->arg))
			return SPLICE_STOPPED;
	}
}
