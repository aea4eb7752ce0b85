/* The splice: see splice.h. */
#include "channel/splice.h"
#include "base/deadline.h"
#include "base/wipe.h"
#include "channel/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#define TURN_READS 16 /* reads of one direction before the other's turn */

static void
init_flow(struct flow *f, struct channel *from, struct channel *to)
{
	f->from = from;
	f->to = to;
	f->at = f->buf;
	f->len = 0;
	f->ended = f->finished = 0;
	f->readable = f->writable = 1;
}

void
splice_init(struct splice *s, struct channel *a, struct channel *b)
{
	init_flow(&s->ab, a, b);
	init_flow(&s->ba, b, a);
	s->stops_at_end = 0;
	s->review_at = DEADLINE_NONE;
}

static void
wipe_flow(struct flow *f)
{
	wipe_pages(f->buf, sizeof(f->buf));
	explicit_bzero(f, offsetof(struct flow, buf));
}

void
splice_wipe(struct splice *s)
{
	wipe_flow(&s->ab);
	wipe_flow(&s->ba);
}

/*
 * Writes what was pulled, or the end. Returns NULL, or what failed, with errno.
 */
static struct channel *
push(struct flow *f)
{
	while (f->len > 0) {
		ssize_t n = channel_write(f->to, f->at,
		    f->len < SPLICE_BUFFER ? f->len : SPLICE_BUFFER);

		if (n == -1)
			return f->to;
		f->at += n;
		f->len -= (size_t)n;
		if (f->from->ops->take != NULL)
			f->from->ops->take(f->from, (size_t)n);
	}
	if (f->ended && !f->finished) {
		if (channel_finish(f->to) == -1)
			return f->to;
		f->finished = 1;
	}
	return NULL;
}

/* Reads to where the other side takes it. */
static struct channel *
pull_in_place(struct flow *f)
{
	size_t size;
	void *room = f->to->ops->room(f->to, &size);
	ssize_t n;

	if (room == NULL)
		return f->to;
	n = channel_read(
	    f->from, room, size < SPLICE_BUFFER ? size : SPLICE_BUFFER);
	if (n == -1)
		return f->from;
	f->to->ops->put(f->to, (size_t)n);
	f->ended = n == 0;
	return NULL;
}

/* Gets more when all is written. Returns NULL, or what failed, with errno. */
static struct channel *
pull(struct flow *f)
{
	size_t len;

	if (f->to->ops->room != NULL)
		return pull_in_place(f);
	if (f->from->ops->data != NULL) {
		f->at = f->from->ops->data(f->from, &len);
		if (f->at == NULL)
			return f->from;
	} else {
		ssize_t n = channel_read(f->from, f->buf, sizeof(f->buf));

		if (n == -1)
			return f->from;
		f->at = f->buf;
		len = (size_t)n;
	}
	f->len = len;
	f->ended = len == 0;
	return NULL;
}

/* Notes that ch blocks f. Returns it where it does not block but broke. */
static struct channel *
blocked(struct flow *f, struct channel *ch)
{
	if (ch == NULL)
		return NULL;
	if (errno != EAGAIN)
		return ch;
	if (ch == f->to)
		f->writable = 0;
	else
		f->readable = 0;
	return NULL;
}

struct channel *
flow_move(struct flow *f)
{
	struct channel *broke = NULL;

	for (int i = 0; i < TURN_READS && broke == NULL; i++) {
		if (f->writable)
			broke = blocked(f, push(f));
		if (broke != NULL || f->len > 0 || f->ended || !f->readable ||
		    !f->writable)
			break;
		broke = blocked(f, pull(f));
	}
	return broke;
}

/* Whether it has something for to, or is about to read right into it. */
static int
has_output(const struct flow *f)
{
	return f->len > 0 || (f->ended && !f->finished) ||
	       (f->to->ops->room != NULL && !f->ended && f->readable);
}

int
flow_wants_write(const struct flow *f)
{
	return !f->writable && has_output(f);
}

int
flow_wants_read(const struct flow *f)
{
	return !f->readable && f->len == 0 && !f->ended;
}

int
flow_can_move(const struct flow *f)
{
	return has_output(f) ? f->writable : !f->ended && f->readable;
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

	if (flow_wants_read(out))
		pfd.events |= ch->read_wants;
	if (flow_wants_write(in))
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

/* A flow that cannot write: when to look why, or that its time has come. */
static void
review(struct splice *s)
{
	int held_up = !s->ab.writable || !s->ba.writable;

	if (s->review_at == DEADLINE_NONE && held_up)
		s->review_at = deadline_in(TCP_REVIEW_MS);
	if (s->review_at == DEADLINE_NONE || deadline_left(s->review_at) > 0)
		return;
	/* until the connection is as it was */
	held_up |= tcp_review(s->ab.to->fd);
	held_up |= tcp_review(s->ba.to->fd);
	s->review_at = held_up ? deadline_in(TCP_REVIEW_MS) : DEADLINE_NONE;
}

/* What ch does before a wait may tell that it is worth a try, as in note. */
static void
before_wait(struct channel *ch, struct flow *out, struct flow *in)
{
	if (ch->ops->before_wait != NULL && ch->ops->before_wait(ch))
		out->readable = in->writable = 1;
}

int
splice_earlier(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

enum splice_result
splice_run(struct splice *s, const struct splice_control *control)
{
	struct channel *a = s->ab.from, *b = s->ab.to;

	if (!s->stops_at_end) {
		channel_expect_bulk(a);
		channel_expect_bulk(b);
	}
	for (;;) {
		struct channel *broke;
		struct pollfd pfd[3];
		int timeout = -1;

		broke = flow_move(&s->ab);
		if (broke == NULL)
			broke = flow_move(&s->ba);
		if (broke != NULL)
			return broke == a ? SPLICE_A_BROKE : SPLICE_B_BROKE;
		if (s->stops_at_end && (s->ab.finished || s->ba.finished))
			return SPLICE_AT_END;
		if (s->ab.finished && s->ba.finished)
			return SPLICE_DONE;

		pfd[0] = interest(a, &s->ab, &s->ba);
		pfd[1] = interest(b, &s->ba, &s->ab);
		pfd[2] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (control != NULL) {
			pfd[2].fd = control->fd(control->arg);
			timeout = control->timeout(control->arg);
		}
		review(s);
		timeout = splice_earlier(timeout, deadline_left(s->review_at));
		before_wait(a, &s->ab, &s->ba);
		before_wait(b, &s->ba, &s->ab);
		if (flow_can_move(&s->ab) || flow_can_move(&s->ba))
			timeout = 0;
		if (poll(pfd, 3, timeout) == -1 && errno != EINTR)
			return SPLICE_A_BROKE;
		note(&pfd[0], &s->ab, &s->ba);
		note(&pfd[1], &s->ba, &s->ab);
		if (gone(&pfd[0]))
			return SPLICE_A_BROKE;
		if (gone(&pfd[1]))
			return SPLICE_B_BROKE;
		if (control != NULL &&
		    (pfd[2].revents != 0 ||
			control->timeout(control->arg) == 0) &&
		    control->serve(control->arg))
			return SPLICE_STOPPED;
	}
}
