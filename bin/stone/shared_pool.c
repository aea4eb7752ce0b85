/* relay-stone's shared sessions: see shared_pool.h. */
#define _GNU_SOURCE
#include "stone/shared_pool.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "stone/sandbox.h"
#include "stone/shared.h"
#include "stone/shared_control.h"
#include "stone/shared_state.h"
#include "stone/status.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES_MAX 3  /* sessions that one connection is given to */
#define NEWS      64 /* of sessions; served in one turn */

/* ---- life ---- */

/* set: whose they are; NULL: nobody's yet. */
static void
reset_supplies(struct shared_pool *k, const struct forwards *set)
{
	for (size_t i = 0; i <= NO_FORWARD; i++) {
		const int used = set != NULL && i < set->conf.nforwards;

		shared_supply_init(&k->supplies[i],
		    used ? set->conf.forwards[i].sessions : 0,
		    used && set->conf.forwards[i].elastic, deadline_now());
	}
}

struct shared_pool *
shared_pool_new(const struct forwards *set)
{
	struct shared_pool *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	reset_supplies(k, set);
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++)
		k->sleepers[i].listener = -1;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll != -1)
		return k;
	free(k);
	return NULL;
}

void
shared_pool_free(struct shared_pool *k)
{
	struct session *s;

	if (k == NULL)
		return;
	fd_close(&k->epoll); /* first: in a child its events are the parent's */
	while ((s = LIST_FIRST(&k->all)) != NULL)
		shared_stages_forget(k, s);
	shared_requeue_forget(&k->requeue);
	free(k);
}

int
shared_pool_absent(
    const struct shared_pool *k, const struct forwards *set, size_t index)
{
	return set->conf.forwards[index].sessions == 0 ||
	       shared_supply_absent(&k->supplies[index], deadline_now());
}

size_t
shared_pool_ready(const struct shared_pool *k, size_t index)
{
	const struct session *s;
	size_t n = 0;

	LIST_FOREACH(s, &k->all, entry)
	n += s->forward == index && s->stage == READY;
	return n;
}

size_t
shared_pool_wanted(const struct shared_pool *k, size_t index)
{
	const struct shared_supply *supply = &k->supplies[index];
	const int64_t now = deadline_now();

	if (shared_supply_asleep(supply, now))
		return 0;
	return supply->ready > supply->sessions ? supply->ready
						: supply->sessions;
}

void
shared_pool_used(struct shared_pool *k, size_t index)
{
	shared_supply_used(&k->supplies[index], deadline_now());
}

/* ---- connections that come back ---- */

/* What it takes to find one somebody. */
struct offer {
	struct shared_pool *pool;
	struct forker *forker;
	const struct forwards *set;
};

static const struct session *
other_session(const struct shared_pool *k, const struct requeued *o)
{
	const struct session *s, *same = NULL;

	LIST_FOREACH(s, &k->all, entry)
	{
		if (s->stage != READY || s->forward != o->forward)
			continue;
		if (s->pid != o->from)
			return s;
		same = s; /* it refused, and lives */
	}
	return same;
}

static int
give_away(void *arg, const struct requeued *o)
{
	const struct offer *to = arg;
	const struct shared_control h = {
	    HANDOVER_CONNECTION, (unsigned char)o->tries};
	const struct session *s = o->tries < TRIES_MAX
				      ? other_session(to->pool, o)
				      : NULL;

	if (s != NULL && shared_control_send(s->control, &h, o->sock) == 0) {
		close(o->sock);
		return 1;
	}
	if (o->tries >= TRIES_MAX || to->forker->draining ||
	    shared_pool_absent(to->pool, to->set, o->forward)) {
		forker_serve(to->forker, o->forward, o->sock);
		return 1;
	}
	return 0;
}

/* ---- opening ---- */

/* In the child: all that is the pool's, and the other listeners, go. */
static void
become_session(struct shared_pool *k, struct forker *f, struct forwards *set,
    size_t index, int control)
{
	const int is_further = k->supplies[index].elastic &&
			       k->supplies[index].ready > 0;

	fd_close(&f->signals);
	shared_pool_free(k);
	stone_status_forget(set->list[index].status);
	if (is_further) /* its failure is none of the forward */
		set->list[index].status = NULL;
	for (size_t i = 0; i < set->conf.nforwards; i++)
		if (i != index)
			fd_close(&set->list[i].listener);
	stone_shared_prepare();
	if (stone_sandbox_session() == -1)
		_exit(EX_OSERR);
	_exit(stone_shared_run(&set->list[index], &set->proxy, control));
}

static int
watch(struct shared_pool *k, struct session *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &s->source};

	return epoll_ctl(k->epoll, EPOLL_CTL_ADD, s->control, &event);
}

/* Returns 0, or -1 with errno. */
static int
open_one(
    struct shared_pool *k, struct forker *f, struct forwards *set, size_t index)
{
	struct session *s = calloc(1, sizeof(*s));
	int pair[2];

	if (s == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1) {
		free(s);
		return -1;
	}
	*s = (struct session){.source.ready = shared_stages_news,
	    .stage = OPENING,
	    .forward = index,
	    .control = pair[0]};
	LIST_INSERT_HEAD(&k->all, s, entry);
	shared_supply_opening(&k->supplies[index]);
	s->pid = watch(k, s) == 0 ? fork() : -1;
	if (s->pid == 0)
		become_session(k, f, set, index, pair[1]);
	fd_close(&pair[1]);
	if (s->pid != -1 && children_add(f->children, s->pid) == 0)
		return 0;
	shared_stages_drain(k, s);
	shared_stages_forget(k, s);
	return -1;
}

static void
open_due(
    struct shared_pool *k, struct forker *f, struct forwards *set, size_t index)
{
	struct shared_supply *supply = &k->supplies[index];
	size_t n = shared_supply_wanted(supply, deadline_now());

	for (; n > 0; n--) {
		if (open_one(k, f, set, index) == 0)
			continue;
		forker_log_shortage(f, "fork");
		shared_supply_back_off(supply, deadline_now());
		return;
	}
}

int64_t
shared_pool_tend(
    struct shared_pool *k, struct forker *f, struct forwards *set, int *fd)
{
	struct offer offer = {k, f, set};
	int64_t until = DEADLINE_NONE;

	*fd = k->epoll;
	shared_requeue_offer(&k->requeue, give_away, &offer);
	if (f->draining)
		return until;
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		if (set->conf.forwards[i].sessions == 0)
			continue;
		open_due(k, f, set, i);
		if (set->conf.forwards[i].elastic)
			until = deadline_first(until,
			    shared_elastic_tend(k, i, set->list[i].listener));
		until = deadline_first(until,
		    shared_supply_next_change(&k->supplies[i], deadline_now()));
	}
	return until;
}

void
shared_pool_serve(struct shared_pool *k)
{
	struct epoll_event events[NEWS];
	int n = epoll_wait(k->epoll, events, NEWS, 0);

	for (int i = 0; i < n; i++) {
		struct pool_source *source = events[i].data.ptr;

		source->ready(k, source);
	}
}

/* ---- ending them ---- */

/* One that is not ready has nothing to lose. */
void
shared_pool_stop(struct shared_pool *k, struct session *s)
{
	const struct shared_control h = {HANDOVER_STOP, 0};

	shared_control_send(s->control, &h, -1);
	if (s->stage == OPENING)
		kill(s->pid, SIGTERM);
	shared_stages_drain(k, s);
}

void
shared_pool_drain(struct shared_pool *k)
{
	struct session *s;

	shared_elastic_forget(k);
	LIST_FOREACH(s, &k->all, entry)
	shared_pool_stop(k, s);
}

/* Where in set the forward of old with this index goes on. */
static size_t
same_place(const struct forwards *old, const struct forwards *set, size_t index)
{
	for (size_t i = 0; index != NO_FORWARD && i < set->conf.nforwards; i++)
		if (stone_endpoint_same(&old->conf.forwards[index].listen,
			&set->conf.forwards[i].listen))
			return i;
	return NO_FORWARD;
}

void
shared_pool_renew(struct shared_pool *k, const struct forwards *old,
    const struct forwards *set)
{
	struct session *s;

	shared_requeue_reset(&k->requeue);
	shared_pool_drain(k);
	LIST_FOREACH(s, &k->all, entry)
	s->forward = same_place(old, set, s->forward);
	reset_supplies(k, set);
}
