/*
 * The stages of one shared session, as relay-stone sees it: what its process
 * tells leads from one to the next. See shared_state.h.
 */
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "stone/shared_control.h"
#include "stone/shared_state.h"
#include "stone/single.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

static struct shared_supply *
supply_of(struct shared_pool *k, const struct session *s)
{
	return &k->supplies[s->forward];
}

static void
become_ready(struct shared_pool *k, struct session *s)
{
	if (s->stage != OPENING)
		return;
	s->stage = READY;
	s->since = s->level_since = deadline_now();
	shared_supply_ready(supply_of(k, s));
	shared_elastic_count(k, s->forward);
}

void
shared_stages_drain(struct shared_pool *k, struct session *s)
{
	if (s->stage != DRAINING)
		shared_supply_left(
		    supply_of(k, s), s->stage == READY, deadline_now());
	s->stage = DRAINING;
	shared_elastic_count(k, s->forward);
}

static void
on_plain(struct shared_pool *k, struct session *s)
{
	log_event(LOG_NOTICE, "not-shared", "retry_ms",
	    LOG_U64(SHARED_SUPPLY_PLAIN_MS), NULL);
	shared_supply_plain(supply_of(k, s), deadline_now());
	shared_stages_drain(k, s);
}

/* A child may have it for a moment yet, and close(2) not end its events. */
void
shared_stages_forget(struct shared_pool *k, struct session *s)
{
	epoll_ctl(k->epoll, EPOLL_CTL_DEL, s->control, NULL);
	LIST_REMOVE(s, entry);
	fd_close(&s->control);
	free(s);
}

static void
on_end(struct shared_pool *k, struct session *s)
{
	if (s->stage == OPENING)
		shared_supply_failed(supply_of(k, s), deadline_now());
	if (s->stage == READY)
		shared_supply_lost(supply_of(k, s), s->since, deadline_now());
	s->stage = DRAINING;
	shared_elastic_count(k, s->forward);
	shared_stages_forget(k, s);
}

void
shared_stages_news(struct shared_pool *k, struct pool_source *source)
{
	struct session *s = CONTAINER_OF(source, struct session, source);
	struct shared_control h;
	int sock, rc;

	while ((rc = shared_control_receive(s->control, &h, &sock)) == 1) {
		if (h.what == HANDOVER_READY)
			become_ready(k, s);
		else if (h.what == HANDOVER_FULL)
			shared_stages_drain(k, s);
		else if (h.what == HANDOVER_PLAIN)
			on_plain(k, s);
		else if (h.what == HANDOVER_LOAD)
			shared_elastic_load(k, s, h.value);
		else if (sock != -1 && s->forward != NO_FORWARD)
			shared_requeue_add(
			    &k->requeue, s->forward, s->pid, sock, h.value);
		else if (sock != -1)
			stone_single_reset(sock);
	}
	if (rc == 0 || errno != EAGAIN)
		on_end(k, s);
}
