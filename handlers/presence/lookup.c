/* Which relays have agents: see lookup.h. */
#include "presence/lookup.h"
#include "base/deadline.h"
#include "base/hash.h"
#include "presence/names.h"

#include <stdlib.h>
#include <string.h>

/* Milliseconds. */
#define ANSWER_MS 200 /* that a stone waits for the store */
#define REST_MS   500 /* until it is asked again */
#define LEASES_MS 2000

_Static_assert(CONF_PEERS_MAX <= 32, "a set of relays is 32 bits");

/* A stone that waits. */
struct asked {
	uint32_t id;
	struct customer_key key;
	struct asked_list *list; /* where it is */
	int64_t due;             /* of that */
	uint32_t verdict;        /* as it was told last; 0: it was not */
	uint32_t nodes;          /* bits, as conf.peers */
	UT_hash_handle hh;
	TAILQ_ENTRY(asked) link;
};

static void
move(struct asked *a, struct asked_list *list, int64_t ms)
{
	if (a->list != NULL)
		TAILQ_REMOVE(a->list, a, link);
	TAILQ_INSERT_TAIL(list, a, link);
	a->list = list;
	a->due = deadline_in(ms);
}

static struct asked *
asked_of(const struct lookups *l, uint32_t id)
{
	struct asked *a;

	HASH_FIND(hh, l->all, &id, sizeof(id), a);
	return a;
}

static void
forget(struct lookups *l, struct asked *a)
{
	TAILQ_REMOVE(a->list, a, link);
	HASH_DEL(l->all, a);
	free(a);
}

/* ---- what the broker is told ---- */

/* Some of nodes, from one by chance on, behind those that are there already. */
static void
list_nodes(const struct lookups *l, uint32_t nodes, struct message_nodes *out)
{
	const size_t count = l->settings->conf.npeers;
	const size_t from = count == 0 ? 0 : deadline_random() % count;

	for (size_t i = 0; i < count && out->count < REACH_NODES_MAX; i++) {
		const size_t at = (from + i) % count;

		if ((nodes >> at & 1) != 0)
			memcpy(out->names[out->count++],
			    l->settings->conf.peers[at].name, NODE_NAME_SIZE);
	}
}

/* Tells what is new of a; it is looked for again. */
static void
conclude(struct lookups *l, struct asked *a, uint32_t verdict, uint32_t live,
    uint32_t suspects)
{
	const uint32_t nodes = live | suspects;
	struct message m = {.type = MESSAGE_ANSWER};

	move(a, &l->resting, REST_MS);
	if (a->verdict == verdict && a->nodes == nodes)
		return;
	a->verdict = verdict;
	a->nodes = nodes;
	m.u.answer.id = a->id;
	m.u.answer.verdict = verdict;
	list_nodes(l, live, &m.u.answer.nodes);
	list_nodes(l, suspects, &m.u.answer.nodes);
	l->tell(l->owner, &m);
}

static void
fail(struct lookups *l, struct asked *a)
{
	l->failures++;
	conclude(l, a, ANSWER_UNKNOWN, 0, 0);
}

/* ---- what the store says ---- */

static int
is_string(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING;
}

/* A field of the hash: the name of a relay, and which start of it. */
static void
sort_in(const struct lookups *l, const redisReply *name,
    const redisReply *epoch, uint32_t *live, uint32_t *suspects)
{
	const struct relay_conf *conf = &l->settings->conf;

	if (!is_string(name) || !is_string(epoch) ||
	    strcmp(name->str, l->settings->node) == 0)
		return;
	for (size_t i = 0; i < conf->npeers; i++)
		if (strcmp(name->str, conf->peers[i].name) == 0) {
			if (l->epochs[i][0] != '\0' &&
			    strcmp(epoch->str, l->epochs[i]) == 0)
				*live |= 1U << i;
			else /* it has begun anew, or is not seen to live */
				*suspects |= 1U << i;
		}
}

static void
on_agents(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct lookups *l = owner;
	struct asked *a = asked_of(l, (uint32_t)tag);
	uint32_t live = 0, suspects = 0;

	if (a == NULL) /* it has left */
		return;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
		fail(l, a);
		return;
	}
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		sort_in(l, reply->element[i], reply->element[i + 1], &live,
		    &suspects);
	conclude(l, a, (live | suspects) != 0 ? ANSWER_FOUND : ANSWER_NOWHERE,
	    live, suspects);
}

static void
look(struct lookups *l, struct asked *a)
{
	char name[NAMES_KEY_SIZE];
	const char *const get[] = {"HGETALL", name};

	l->total++;
	move(a, &l->asking, ANSWER_MS);
	if (l->store->state != STORE_UP ||
	    names_agents(name, l->settings->secret, &a->key) == -1 ||
	    store_send(l->store, 2, get, on_agents, l, a->id) == -1)
		fail(l, a);
}

/* ---- leases ---- */

static void
on_leases(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct lookups *l = owner;

	(void)tag;
	memset(l->epochs, 0, sizeof(l->epochs));
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
		return;
	for (size_t i = 0; i < l->settings->conf.npeers && i < reply->elements;
	     i++) {
		const redisReply *epoch = reply->element[i];

		if (is_string(epoch) && epoch->len < sizeof(l->epochs[i]))
			memcpy(l->epochs[i], epoch->str, (size_t)epoch->len);
	}
}

/* Who lives is asked for now and then, and not for each stone. */
static void
look_for_leases(struct lookups *l)
{
	const struct relay_conf *conf = &l->settings->conf;
	char names[CONF_PEERS_MAX][NAMES_LEASE_SIZE];
	const char *get[1 + CONF_PEERS_MAX] = {"MGET"};

	l->leases_at = deadline_in(LEASES_MS);
	for (size_t i = 0; i < conf->npeers; i++) {
		names_lease(names[i], conf->peers[i].name);
		get[1 + i] = names[i];
	}
	if (conf->npeers > 0)
		store_send(
		    l->store, 1 + (int)conf->npeers, get, on_leases, l, 0);
}

/* ---- for the loop ---- */

void
lookups_init(
    struct lookups *l, struct store *store, const struct settings *settings)
{
	l->store = store;
	l->settings = settings;
	TAILQ_INIT(&l->asking);
	TAILQ_INIT(&l->resting);
}

void
lookups_ask(struct lookups *l, const struct message_ask *m)
{
	struct asked *a = asked_of(l, m->id);

	if (a != NULL)
		forget(l, a);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return; /* the broker does without an answer */
	a->id = m->id;
	a->key = m->key;
	HASH_ADD(hh, l->all, id, sizeof(a->id), a);
	if (a->hh.tbl == NULL) {
		free(a);
		return;
	}
	look(l, a);
}

void
lookups_leave(struct lookups *l, uint32_t id)
{
	struct asked *a = asked_of(l, id);

	if (a != NULL)
		forget(l, a);
}

void
lookups_forget(struct lookups *l)
{
	struct asked *a, *next;

	HASH_ITER(hh, l->all, a, next)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(l->all, a);
		free(a);
	}
	TAILQ_INIT(&l->asking);
	TAILQ_INIT(&l->resting);
}

static int64_t
first_of(const struct asked_list *list)
{
	const struct asked *first = TAILQ_FIRST(list);

	return first == NULL ? DEADLINE_NONE : first->due;
}

int64_t
lookups_due(const struct lookups *l)
{
	int64_t due = deadline_first(
	    first_of(&l->asking), first_of(&l->resting));

	return l->store->state == STORE_UP ? deadline_first(due, l->leases_at)
					   : due;
}

void
lookups_turn(struct lookups *l)
{
	if (l->store->state == STORE_UP && deadline_left(l->leases_at) == 0)
		look_for_leases(l);
	while (deadline_left(first_of(&l->asking)) == 0)
		fail(l, TAILQ_FIRST(&l->asking));
	while (deadline_left(first_of(&l->resting)) == 0)
		look(l, TAILQ_FIRST(&l->resting));
}
