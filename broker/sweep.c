/* Long work in slices: see sweep.h. */
#include "sweep.h"

#include <stdlib.h>
#include <sys/epoll.h>

/* Steps of one turn: each takes some microseconds, a pairing may wait 5 ms. */
#define SLICE 128

struct sweep *
sweep_start(struct broker *b, const struct sweep *s)
{
	struct sweep *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *s;
	copy->next = LIST_FIRST(&b->conns);
	if (copy->admin != NULL)
		copy->admin->sweep = copy;
	LIST_INSERT_HEAD(&b->sweeps, copy, link);
	return copy;
}

struct conn *
sweep_take(struct sweep *s)
{
	struct conn *c = s->next;

	if (c != NULL)
		s->next = LIST_NEXT(c, link);
	return c;
}

int
sweep_pending(const struct broker *b)
{
	const struct sweep *s;

	for (s = LIST_FIRST(&b->sweeps); s != NULL; s = LIST_NEXT(s, link))
		if (!s->paused)
			return 1;
	return 0;
}

static void
end(struct broker *b, struct sweep *s)
{
	LIST_REMOVE(s, link);
	if (s->admin != NULL)
		s->admin->sweep = NULL;
	if (s->done != NULL)
		s->done(b, s);
	free(s->rows);
	free(s);
}

/* Has EPOLLOUT told of c, or no longer. */
static void
watch_output(const struct broker *b, struct conn *c, int on)
{
	struct epoll_event ev = {.data.ptr = &c->source};

	ev.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
	epoll_ctl(b->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void
run_slice(struct broker *b, struct sweep *s)
{
	for (int i = 0; i < SLICE && !s->paused; i++)
		switch (s->step(b, s)) {
		case SWEEP_MORE:
			break;
		case SWEEP_BLOCKED:
			s->paused = 1;
			if (s->admin != NULL)
				watch_output(b, s->admin, 1);
			break;
		case SWEEP_END:
			end(b, s);
			return;
		}
}

void
sweep_turn(struct broker *b)
{
	struct sweep *s, *next;

	for (s = LIST_FIRST(&b->sweeps); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		run_slice(b, s);
	}
}

void
sweep_resume(struct broker *b, struct conn *c)
{
	watch_output(b, c, 0);
	if (c->sweep != NULL)
		c->sweep->paused = 0;
}

void
sweep_forget(struct broker *b, const struct conn *c)
{
	struct sweep *s;

	for (s = LIST_FIRST(&b->sweeps); s != NULL; s = LIST_NEXT(s, link)) {
		if (s->next == c)
			s->next = LIST_NEXT(c, link);
		if (s->asks == c)
			s->asks = NULL;
		if (s->admin == c) {
			s->admin = NULL;
			s->paused = 0;
		}
	}
}

void
sweep_free_all(struct broker *b)
{
	struct sweep *s;

	while ((s = LIST_FIRST(&b->sweeps)) != NULL) {
		LIST_REMOVE(s, link);
		free(s->rows);
		free(s);
	}
}
