/* How many sessions of each customer are here: see usage.h. */
#include "presence/usage.h"
#include "base/deadline.h"
#include "base/hash.h"
#include "presence/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds; as the store takes it, in seconds. */
#define ANSWER_MS 200  /* that a stone waits for the store */
#define REVIEW_MS 3000 /* for handlers to find a broker that has begun anew */
#define USE_LIVES "3600"

#define BATCH_MAX 500 /* commands at once: who asks does not wait for more */
#define UNTOLD    UINT32_MAX

/* What this relay has of a customer. */
struct use {
	struct customer_key key;
	struct use_list *list; /* where it is; NULL: nowhere yet */
	uint32_t held;         /* as the broker said last */
	uint32_t told;         /* UNTOLD: who knows what the store has */
	int heard;             /* of the broker, since it began to tell */
	size_t under_way;      /* commands, which name it */
	UT_hash_handle hh;
	TAILQ_ENTRY(use) link;
};

/* A stone that waits; behind its time, until the store has answered. */
struct admission {
	uint32_t id;
	uint32_t held;
	struct use *use;
	int64_t due; /* 0: it waits no more */
	TAILQ_ENTRY(admission) link;
};

/*
 * KEYS: the customer's. ARGV: this relay, its start, what it holds, the limit,
 * and how long that is kept. Returns whether it may. A relay counts while the
 * start that wrote lives.
 */
static const char admit[] =
    "local sum = tonumber(ARGV[3]) "
    "local all = redis.call('HGETALL', KEYS[1]) "
    "for i = 1, #all, 2 do "
    "if all[i] ~= ARGV[1] then "
    "local epoch, held = string.match(all[i + 1], '^(%x+) (%d+)$') "
    "if epoch and redis.call('GET', 'vw:n:' .. all[i]) == epoch then "
    "sum = sum + tonumber(held) end end end "
    "if sum > tonumber(ARGV[4]) then return 0 end "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3]) "
    "redis.call('EXPIRE', KEYS[1], ARGV[5]) "
    "return 1";

/* ---- what is here ---- */

static void
move(struct use *e, struct use_list *list)
{
	if (e->list != NULL)
		TAILQ_REMOVE(e->list, e, link);
	TAILQ_INSERT_TAIL(list, e, link);
	e->list = list;
}

static struct use *
find(const struct usage *u, const struct customer_key *key)
{
	struct use *e;

	HASH_FIND(hh, u->all, key, sizeof(*key), e);
	return e;
}

/* NULL without memory. */
static struct use *
get(struct usage *u, const struct customer_key *key)
{
	struct use *e = find(u, key);

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, u->all, key, sizeof(e->key), e);
	if (e->hh.tbl == NULL) {
		free(e);
		return NULL;
	}
	move(e, &u->settled);
	return e;
}

static void
settle(struct usage *u, struct use *e)
{
	if (e->held != e->told) {
		move(e, &u->dirty);
	} else if (e->held > 0 || e->under_way > 0) {
		move(e, &u->settled);
	} else {
		TAILQ_REMOVE(e->list, e, link);
		HASH_DEL(u->all, e);
		free(e);
	}
}

void
usage_note(struct usage *u, const struct customer_key *key, uint32_t held)
{
	struct use *e = held > 0 ? get(u, key) : find(u, key);

	if (e == NULL)
		return;
	e->heard = 1;
	e->held = held;
	settle(u, e);
}

void
usage_begin(struct usage *u)
{
	struct use *e, *next;

	u->review_at = DEADLINE_NONE;
	HASH_ITER(hh, u->all, e, next)
	e->heard = 0;
}

/* Of sessions that began before it, it hears by and by. */
void
usage_all_told(struct usage *u)
{
	u->review_at = deadline_in(REVIEW_MS);
}

static void
review(struct usage *u)
{
	struct use *e, *next;

	u->review_at = DEADLINE_NONE;
	HASH_ITER(hh, u->all, e, next)
	{
		if (e->heard)
			continue;
		e->held = 0;
		settle(u, e);
	}
}

void
usage_tell_all(struct usage *u)
{
	struct use *e, *next;

	HASH_ITER(hh, u->all, e, next)
	{
		e->told = UNTOLD;
		settle(u, e);
	}
}

/* ---- what the store is told ---- */

static void
on_told(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct usage *u = owner;
	struct use *e = (struct use *)tag;

	u->under_way--;
	e->under_way--;
	if (reply == NULL)
		e->told = UNTOLD;
	settle(u, e);
}

static int
command(struct usage *u, int argc, const char *const *argv, struct use *e)
{
	if (store_send(u->store, argc, argv, on_told, u, (uintptr_t)e) == -1)
		return -1;
	u->under_way++;
	e->under_way++;
	return 0;
}

/* Returns 0, or -1: later. */
static int
tell(struct usage *u, struct use *e)
{
	char name[NAMES_KEY_SIZE], value[32];
	const char *const put[] = {"HSET", name, u->settings->node, value};
	const char *const keep[] = {"EXPIRE", name, USE_LIVES};
	const char *const take[] = {"HDEL", name, u->settings->node};

	if (!store_has_room(u->store, 2) ||
	    names_usage(name, u->settings->secret, &e->key) == -1)
		return -1;
	snprintf(value, sizeof(value), "%s %u", u->epoch, e->held);
	if (e->held == 0
		? command(u, 3, take, e) == -1
		: command(u, 4, put, e) == -1 || command(u, 3, keep, e) == -1)
		return -1;
	e->told = e->held;
	settle(u, e);
	return 0;
}

/* ---- whether a stone may come ---- */

static void
answer(struct usage *u, uint32_t id, enum admit_verdict verdict)
{
	struct message m = {.type = MESSAGE_ADMITTED};

	m.u.admitted.id = id;
	m.u.admitted.verdict = verdict;
	u->tell(u->owner, &m);
}

static void
leave(struct usage *u, struct admission *a)
{
	TAILQ_REMOVE(&u->asking, a, link);
	a->due = 0;
}

static void
on_admit(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct usage *u = owner;
	struct admission *a = (struct admission *)tag;
	struct use *e = a->use;
	enum admit_verdict verdict = ADMIT_UNKNOWN;

	if (reply != NULL && reply->type == REDIS_REPLY_INTEGER)
		verdict = reply->integer == 1 ? ADMIT_GRANTED : ADMIT_REFUSED;
	e->under_way--;
	if (verdict == ADMIT_GRANTED)
		e->told = a->held;
	else if (verdict == ADMIT_UNKNOWN)
		e->told = UNTOLD;
	/* of one that is refused the broker says what it holds without it */
	if (verdict != ADMIT_REFUSED || e->held != a->held)
		settle(u, e);
	if (a->due != 0) {
		leave(u, a);
		answer(u, a->id, verdict);
	}
	free(a);
}

/* Returns 0, or -1 where there will be no answer. */
static int
ask(struct usage *u, struct use *e, const struct message_admit *m)
{
	char name[NAMES_KEY_SIZE], held[16], limit[16];
	const char *const eval[] = {"EVAL", admit, "1", name, u->settings->node,
	    u->epoch, held, limit, USE_LIVES};
	struct admission *a;

	if (u->store->state != STORE_UP ||
	    names_usage(name, u->settings->secret, &m->key) == -1)
		return -1;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -1;
	snprintf(held, sizeof(held), "%u", m->held);
	snprintf(limit, sizeof(limit), "%u", m->limit);
	if (store_send(u->store, 9, eval, on_admit, u, (uintptr_t)a) == -1) {
		free(a);
		return -1;
	}
	*a = (struct admission){.id = m->id,
	    .held = m->held,
	    .use = e,
	    .due = deadline_in(ANSWER_MS)};
	e->under_way++;
	TAILQ_INSERT_TAIL(&u->asking, a, link);
	return 0;
}

void
usage_admit(struct usage *u, const struct message_admit *m)
{
	struct use *e = get(u, &m->key);

	if (e != NULL) {
		e->heard = 1;
		e->held = m->held;
		if (ask(u, e, m) == 0)
			return;
		settle(u, e);
	}
	answer(u, m->id, ADMIT_UNKNOWN);
}

/* ---- for the loop ---- */

void
usage_init(struct usage *u, struct store *store,
    const struct settings *settings, const char *epoch)
{
	u->store = store;
	u->settings = settings;
	u->epoch = epoch;
	u->review_at = DEADLINE_NONE;
	TAILQ_INIT(&u->settled);
	TAILQ_INIT(&u->dirty);
	TAILQ_INIT(&u->asking);
}

void
usage_forget(struct usage *u)
{
	struct admission *a;

	while ((a = TAILQ_FIRST(&u->asking)) != NULL)
		leave(u, a);
}

int64_t
usage_due(const struct usage *u)
{
	const struct admission *first = TAILQ_FIRST(&u->asking);

	return first == NULL ? u->review_at
			     : deadline_first(u->review_at, first->due);
}

void
usage_turn(struct usage *u)
{
	struct admission *a;
	struct use *e;

	while ((a = TAILQ_FIRST(&u->asking)) != NULL &&
	       deadline_left(a->due) == 0) {
		leave(u, a);
		answer(u, a->id, ADMIT_UNKNOWN);
	}
	if (deadline_left(u->review_at) == 0)
		review(u);
	while (u->store->state == STORE_UP && u->under_way < BATCH_MAX &&
	       (e = TAILQ_FIRST(&u->dirty)) != NULL && tell(u, e) == 0)
		;
}

void
usage_free(struct usage *u)
{
	struct use *e, *next;

	HASH_ITER(hh, u->all, e, next)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(u->all, e);
		free(e);
	}
}
