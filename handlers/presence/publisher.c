/* What the store is told of this relay: see publisher.h. */
#include "presence/publisher.h"
#include "base/deadline.h"
#include "base/hex.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Milliseconds; as the store takes them, in seconds or so. */
#define BEAT_MS     2000
#define LEASE_MS    "10000"
#define FADE_MS     3000 /* an agent may poll anew within that */
#define RENEW_MS    1200000
#define ENTRY_LIVES "3600" /* seconds: what nobody renews */
#define NAME_MS     60000  /* between two lines of a name in use */

#define BATCH_MAX 500 /* commands at once: lookups do not wait for more */

/* ---- entries ---- */

static void
on_told(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct publisher *p = owner;

	(void)tag;
	(void)reply; /* where it is lost, all is told again */
	p->under_way--;
}

/* What was not told may be there for an hour: it is told again. */
static void
on_gone(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct publisher *p = owner;
	struct entry *e = (struct entry *)tag;

	p->under_way--;
	if (e->list != &p->leaving) /* it has come again */
		return;
	if (reply == NULL)
		entry_move(e, &p->dirty);
	else
		entries_forget(&p->entries, e);
}

/* Returns 0, or -1: later. */
static int
command(struct publisher *p, int argc, const char *const *argv,
    store_answer *answer, const struct entry *e)
{
	if (store_send(p->store, argc, argv, answer, p, (uintptr_t)e) == -1)
		return -1;
	p->under_way++;
	return 0;
}

static int
tell(struct publisher *p, struct entry *e)
{
	char name[NAMES_KEY_SIZE];
	const char *const put[] = {"HSET", name, p->settings->node, p->epoch};
	const char *const keep[] = {"EXPIRE", name, ENTRY_LIVES};
	const char *const take[] = {"HDEL", name, p->settings->node};

	if (!store_has_room(p->store, 2) ||
	    names_agents(name, p->settings->secret, &e->key) == -1)
		return -1;
	if (!e->here)
		return command(p, 3, take, on_gone, e);
	return command(p, 4, put, on_told, NULL) == -1
		   ? -1
		   : command(p, 3, keep, on_told, NULL);
}

static void
tell_some(struct publisher *p)
{
	struct entry *e;

	while (p->store->state == STORE_UP && p->under_way < BATCH_MAX &&
	       (e = TAILQ_FIRST(&p->dirty)) != NULL && tell(p, e) == 0)
		entry_move(e, e->here ? &p->settled : &p->leaving);
}

static void
tell_all(struct publisher *p)
{
	struct entry *e, *next;

	HASH_ITER(hh, p->entries.all, e, next)
	if (e->here)
		entry_move(e, &p->dirty);
	p->renew_at = deadline_in(RENEW_MS);
	p->anew(p->owner);
}

static void
arrive(struct publisher *p, const struct customer_key *key)
{
	struct entry *e = entries_get(&p->entries, key);

	if (e == NULL)
		return;
	e->heard = 1;
	if (e->here)
		return;
	e->here = 1;
	p->published++;
	/* one that only fades is in the store still */
	entry_move(e, e->list == &p->fading ? &p->settled : &p->dirty);
}

static void
fade(struct publisher *p, struct entry *e)
{
	if (!e->here)
		return;
	e->here = 0;
	p->published--;
	e->fades_at = deadline_in(FADE_MS);
	entry_move(e, &p->fading);
}

void
publisher_note(struct publisher *p, const struct customer_key *key, int here)
{
	struct entry *e;

	if (here) {
		arrive(p, key);
		return;
	}
	e = entries_find(&p->entries, key);
	if (e != NULL)
		fade(p, e);
}

void
publisher_begin(struct publisher *p)
{
	struct entry *e, *next;

	HASH_ITER(hh, p->entries.all, e, next)
	e->heard = 0;
}

void
publisher_all_told(struct publisher *p)
{
	struct entry *e, *next;

	HASH_ITER(hh, p->entries.all, e, next)
	if (!e->heard)
		fade(p, e);
}

/* ---- the lease ---- */

static void
complain_of_name(struct publisher *p)
{
	if (deadline_rings(&p->name_complaint, NAME_MS))
		log_event(LOG_WARNING, "name-in-use", "node", p->settings->node,
		    "do", "give each relay a certificate of its own", NULL);
}

static void
first_lease(struct publisher *p)
{
	const char *const add[] = {"SADD", NAMES_NODES, p->settings->node};

	p->has_lease = 1;
	command(p, 3, add, on_told, NULL);
	tell_all(p);
	store_confirm(p->store);
}

/* What was there says whether the store still has the rest. */
static void
on_lease(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct publisher *p = owner;

	(void)tag;
	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		store_fail(p->store, reply->str);
	else if (!p->has_lease)
		first_lease(p);
	else if (reply->type == REDIS_REPLY_NIL) {
		log_event(LOG_WARNING, "store-emptied", "published",
		    LOG_U64(p->published), NULL);
		tell_all(p);
	} else if (reply->type != REDIS_REPLY_STRING ||
		   strcmp(reply->str, p->epoch) != 0)
		complain_of_name(p);
}

static int
beat(struct publisher *p)
{
	char name[NAMES_LEASE_SIZE];
	const char *const set[] = {
	    "SET", name, p->epoch, "PX", LEASE_MS, "GET"};

	p->beat_at = deadline_in(BEAT_MS);
	names_lease(name, p->settings->node);
	return store_send(p->store, 6, set, on_lease, p, 0);
}

void
publisher_greet(struct publisher *p)
{
	p->has_lease = 0;
	if (beat(p) == -1)
		store_fail(p->store, "out of memory");
}

/* ---- for the loop ---- */

int64_t
publisher_due(const struct publisher *p)
{
	const struct entry *first = TAILQ_FIRST(&p->fading);
	int64_t due = first == NULL ? DEADLINE_NONE : first->fades_at;

	return p->store->state == STORE_UP ? deadline_first(due, p->beat_at)
					   : due;
}

void
publisher_turn(struct publisher *p)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&p->fading)) != NULL &&
	       deadline_left(e->fades_at) == 0)
		entry_move(e, &p->dirty);
	if (p->store->state != STORE_UP)
		return;
	if (deadline_left(p->beat_at) == 0)
		beat(p);
	if (deadline_left(p->renew_at) == 0)
		tell_all(p);
	tell_some(p);
}

int
publisher_init(
    struct publisher *p, struct store *store, const struct settings *settings)
{
	uint8_t chance[(PUBLISHER_EPOCH_SIZE - 1) / 2];

	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		return -1;
	p->store = store;
	p->settings = settings;
	hex_write(p->epoch, chance, sizeof(chance));
	TAILQ_INIT(&p->settled);
	TAILQ_INIT(&p->dirty);
	TAILQ_INIT(&p->fading);
	TAILQ_INIT(&p->leaving);
	return 0;
}

void
publisher_free(struct publisher *p)
{
	entries_free(&p->entries);
}
