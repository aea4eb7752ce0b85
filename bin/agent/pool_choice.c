/* The pool's choice of relays: see pool_choice.h. */
#include "agent/pool_choice.h"
#include "base/deadline.h"
#include "base/log.h"

void
pool_choice_begin(struct pool *pool)
{
	relay_choice_init(&pool->choice, pool->nrelays, deadline_now());
	for (size_t i = 1; pool->conf->first && i < pool->nrelays; i++)
		agent_relay_rest(&pool->relays[i], &pool->ending);
}

/* Sessions that came by a relay live on. */
static void
moved(struct pool *pool, size_t before)
{
	const size_t now = pool->choice.last;
	const struct agent_relay *from = &pool->relays[before];

	log_event(LOG_NOTICE, now > before ? "next-relay" : "earlier-relay",
	    "relay", pool->relays[now].text, "instead_of", from->text, "reason",
	    now < before           ? "it works again"
	    : *from->error != '\0' ? from->error
				   : "no poll waits there",
	    NULL);
	for (size_t i = now + 1; i <= before; i++)
		agent_relay_rest(&pool->relays[i], &pool->ending);
	agent_relay_wake(&pool->relays[now]);
}

int64_t
pool_choice_tend(struct pool *pool)
{
	const int64_t now = deadline_now();
	struct relay_choice *c = &pool->choice;
	size_t before = c->last;

	if (!pool->conf->first)
		return DEADLINE_NONE;
	for (size_t i = 0; i <= c->last; i++)
		relay_choice_note(c, i,
		    agent_relay_waiting(&pool->relays[i]) > 0,
		    pool->relays[i].failed, now);
	if (relay_choice_move(c, now))
		moved(pool, before);
	return relay_choice_due(c, now);
}
