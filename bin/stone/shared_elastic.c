/*
 * Forwards with as many shared sessions as there is use for: none until a
 * connection comes, further ones while all are busy. See shared_state.h.
 */
#include "base/container.h"
#include "base/deadline.h"
#include "stone/shared_control.h"
#include "stone/shared_state.h"

#include <sys/epoll.h>

#define IDLE_MS 60000 /* one of several ends then */

/* ---- how busy they are ---- */

void
shared_elastic_count(struct shared_pool *k, size_t index)
{
	struct shared_supply *supply = &k->supplies[index];
	const struct session *s;

	supply->busy = supply->full = 0;
	LIST_FOREACH(s, &k->all, entry)
	{
		if (s->forward != index || s->stage != READY)
			continue;
		supply->busy += s->level >= LOAD_BUSY;
		supply->full += s->level == LOAD_FULL;
	}
}

void
shared_elastic_load(
    struct shared_pool *k, struct session *s, enum shared_load_level level)
{
	s->level = level;
	s->level_since = deadline_now();
	shared_elastic_count(k, s->forward);
}

/* ---- new connections ---- */

/* Busy ones leave them to others, where there are such. */
static void
share_out(struct shared_pool *k, size_t index)
{
	const struct shared_supply *supply = &k->supplies[index];
	const int others = supply->busy < supply->ready;
	struct session *s;

	LIST_FOREACH(s, &k->all, entry)
	{
		const int rest = others && s->level >= LOAD_BUSY;
		const struct shared_control h = {
		    rest ? HANDOVER_REST : HANDOVER_LISTEN, 0};

		if (s->forward == index && s->stage == READY &&
		    s->resting != rest &&
		    shared_control_send(s->control, &h, -1) == 0)
			s->resting = rest;
	}
}

/* ---- too many ---- */

/* The last one stays for as long as one is kept ready. */
static int64_t
end_idle(struct shared_pool *k, size_t index)
{
	struct shared_supply *supply = &k->supplies[index];
	const int64_t now = deadline_now();
	int64_t until = DEADLINE_NONE;
	struct session *s;

	LIST_FOREACH(s, &k->all, entry)
	{
		const int last = supply->ready == 1;
		const int64_t end = s->level_since +
				    (last ? SHARED_SUPPLY_AWAKE_MS : IDLE_MS);

		if (s->forward != index || s->stage != READY ||
		    s->level != LOAD_IDLE)
			continue;
		if (end > now) {
			until = deadline_first(until, end);
			continue;
		}
		shared_pool_stop(k, s);
		if (last)
			shared_supply_rest(supply, now);
	}
	return until;
}

/* ---- none ---- */

static void
wake(struct shared_pool *k, struct sleeper *sleeper)
{
	epoll_ctl(k->epoll, EPOLL_CTL_DEL, sleeper->listener, NULL);
	sleeper->listener = -1;
}

static void
on_listener(struct shared_pool *k, struct pool_source *source)
{
	struct sleeper *sleeper = CONTAINER_OF(source, struct sleeper, source);

	wake(k, sleeper);
	shared_supply_wake(&k->supplies[sleeper - k->sleepers], deadline_now());
}

/* The connection stays in the backlog, for who will serve it. */
static void
sleep_at(struct shared_pool *k, struct sleeper *sleeper, int listener)
{
	struct epoll_event event = {
	    .events = EPOLLIN, .data.ptr = &sleeper->source};

	sleeper->source.ready = on_listener;
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, listener, &event) == 0)
		sleeper->listener = listener;
}

void
shared_elastic_forget(struct shared_pool *k)
{
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++)
		if (k->sleepers[i].listener != -1)
			wake(k, &k->sleepers[i]);
}

/* ---- all together ---- */

int64_t
shared_elastic_tend(struct shared_pool *k, size_t index, int listener)
{
	struct sleeper *sleeper = &k->sleepers[index];
	const int64_t until = end_idle(k, index);
	const int asleep = shared_supply_asleep(
	    &k->supplies[index], deadline_now());

	share_out(k, index);
	if (asleep && sleeper->listener == -1)
		sleep_at(k, sleeper, listener);
	return until;
}
