/*
 * The pairing rules (broker/pairing.c) and those of parking (pairing_park.c)
 * under events in any order. The invariants are those of
 * tests/model/pairing.pml and parking.pml, and bear their names; besides,
 * nusers and max_agents hold, who waited or was parked longest is taken, and
 * nobody is left waiting who could be matched, or could have an agent woken;
 * and who takes all news knows which keys have agents, and how many slots.
 */
#include "fuzz.h"
#include "pairing.h"
#include "pairing_news.h"
#include "pairing_park.h"

#include <stdio.h>
#include <string.h>

#define N          12
#define KEYS       3
#define NUSERS     3
#define MAX_AGENTS 4
#define EXPIRE     1000

struct member {
	struct waiter waiter; /* first */
	unsigned key;
	struct member *with;
	unsigned order; /* lower waits longer */
	int woken;
};

static struct member members[N];
static unsigned first, last; /* orders given at the head, at the tail */

/* What somebody knows of the keys who takes the news. */
static int told[KEYS], tells;
static unsigned told_held[KEYS];

static struct customer_key
key_of(unsigned key)
{
	struct customer_key k = {{0}};

	snprintf(k.text, sizeof(k.text), "customer %u", key);
	return k;
}

static unsigned
count(unsigned key, enum role role, enum waiter_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < N; i++)
		n += members[i].key == key && members[i].waiter.role == role &&
		     members[i].waiter.state == state;
	return n;
}

/* Those that count for max_agents, or as waiting stones */
static unsigned
present(unsigned key, enum role role)
{
	return count(key, role, WAITER_WAITING) +
	       count(key, role, WAITER_HELD) +
	       count(key, role, WAITER_PARKING) +
	       count(key, role, WAITER_PARKED) +
	       count(key, role, WAITER_WAKING);
}

static unsigned
slots(unsigned key)
{
	unsigned n = 0;

	for (size_t i = 0; i < N; i++)
		n += members[i].key == key && members[i].waiter.has_slot;
	return n;
}

/* Stones that wait, and are at another relay. */
static unsigned
forwarded(unsigned key)
{
	unsigned n = 0;

	for (size_t i = 0; i < N; i++)
		n += members[i].key == key && members[i].waiter.forwarded &&
		     members[i].waiter.role == ROLE_STONE &&
		     members[i].waiter.state == WAITER_WAITING;
	return n;
}

/* Of nusers, by sessions and by stones that wait, or stand aside. */
static unsigned
held(unsigned key)
{
	return slots(key) + present(key, ROLE_STONE) - forwarded(key);
}

/* Whoever of w's role, key and standing waits longer than w does */
static int
waits_longer(const struct member *w)
{
	for (size_t i = 0; i < N; i++) {
		const struct member *o = &members[i];

		if (o->waiter.state == WAITER_WAITING && o->key == w->key &&
		    o->waiter.role == w->waiter.role &&
		    (o->waiter.suspect < w->waiter.suspect ||
			(o->waiter.suspect == w->waiter.suspect &&
			    !w->waiter.suspect && o->order < w->order)))
			return 1;
	}
	return 0;
}

static void
match(struct pairing *table, const struct member *m)
{
	struct waiter *agent, *stone;

	while (m->waiter.state == WAITER_WAITING &&
	       pairing_next(table, &m->waiter, &agent, &stone)) {
		struct member *a = (struct member *)(void *)agent;
		struct member *s = (struct member *)(void *)stone;
		int two_identities_joined = a->key != s->key;
		int poll_matched_twice = a->with != NULL || s->with != NULL;

		MUST(!two_identities_joined);
		MUST(!poll_matched_twice);
		MUST(agent->role == ROLE_AGENT && stone->role == ROLE_STONE);
		MUST(agent->state == WAITER_IN_SESSION);
		MUST(stone->state == WAITER_IN_SESSION);
		MUST(stone->has_slot == !stone->forwarded);
		MUST(!agent->forwarded);
		MUST(!waits_longer(a) && !waits_longer(s));
		a->with = s;
		s->with = a;
	}
}

static void
enter(struct pairing *table, struct member *m, unsigned how)
{
	struct entitlement grant = {{NUSERS, CUSTOMER_FORWARD, EXPIRE},
	    MAX_AGENTS, (how & 0x30) != 0x30};
	struct customer_key key;
	enum role role = (how & 1) != 0 ? ROLE_AGENT : ROLE_STONE;
	unsigned waiting;
	uint64_t now = (how & 0xc0) == 0xc0 ? EXPIRE : 0;
	enum verdict v;

	m->key = (how >> 1) % KEYS;
	key = key_of(m->key);
	waiting = present(m->key, role);
	if (role == ROLE_STONE)
		waiting -= forwarded(m->key);
	memset(&m->waiter, 0, sizeof(m->waiter));
	m->waiter.role = role;
	m->waiter.agent = how >> 6;
	m->waiter.forwarded = role == ROLE_STONE && (how & 0x30) == 0x20;
	m->waiter.wants = (how & 0x0c) == 0x0c ? CUSTOMER_WEB : 0;
	v = pairing_enter(table, &m->waiter, &key, &grant, now);
	MUST((v == PAIRING_WAIT) == (m->waiter.state == WAITER_WAITING));
	MUST((v == PAIRING_NOT_ALLOWED) == !grant.allow);
	MUST(v != PAIRING_EXPIRED || now >= EXPIRE);
	if (v == PAIRING_MAX_AGENTS)
		MUST(role == ROLE_AGENT && waiting >= MAX_AGENTS);
	if (v == PAIRING_NUSERS)
		MUST(role == ROLE_STONE && !m->waiter.forwarded &&
		     waiting + slots(m->key) >= NUSERS);
	if (v != PAIRING_WAIT)
		return;
	MUST(role == ROLE_AGENT || m->waiter.forwarded ||
	     waiting + slots(m->key) < NUSERS);
	m->order = last++;
	match(table, m);
}

/* As the broker does whenever a stone may lack an agent. */
static void
wake(unsigned key)
{
	const struct waiter *stone = NULL;
	struct waiter *w;

	for (size_t i = 0; i < N && stone == NULL; i++)
		if (members[i].key == key &&
		    members[i].waiter.role == ROLE_STONE &&
		    members[i].waiter.state == WAITER_WAITING)
			stone = &members[i].waiter;
	if (stone == NULL)
		return;
	MUST(pairing_stone(stone) != NULL);
	while ((w = pairing_park_next(stone)) != NULL) {
		struct member *m = (struct member *)(void *)w;
		int two_identities_joined = m->key != key;

		MUST(!two_identities_joined);
		MUST(w->role == ROLE_AGENT && w->state == WAITER_WAKING);
		MUST(!m->woken);
		m->woken = 1;
		for (size_t i = 0; i < N; i++)
			MUST(members[i].key != key ||
			     members[i].waiter.state != WAITER_PARKED ||
			     members[i].order > m->order);
		MUST(count(key, ROLE_AGENT, WAITER_WAKING) <=
		     present(key, ROLE_STONE));
	}
}

/* What becomes of an agent that is parked. Returns 0 where m is none. */
static int
step_parked(struct pairing *table, struct member *m, unsigned how)
{
	switch (m->waiter.state) {
	case WAITER_WAITING:
		if (m->waiter.role != ROLE_AGENT || (how & 3) != 1)
			return 0;
		pairing_park_begin(&m->waiter);
		MUST(m->waiter.state == WAITER_PARKING);
		return 1;
	case WAITER_PARKING:
		if ((how & 3) == 0)
			return 0;
		pairing_park_take(&m->waiter);
		m->order = last++;
		m->woken = 0;
		return 1;
	case WAITER_WAKING:
		if ((how & 3) == 0)
			return 0;
		m->woken = 0;
		if ((how & 3) == 1) {
			pairing_park_back(&m->waiter);
			m->order = --first;
			return 1;
		}
		pairing_leave(table, &m->waiter);
		enter(table, m, (how & 0xc0) | m->key << 1 | 1);
		return 1;
	default:
		return 0;
	}
}

/* A stone that waits stands aside, or does so no more. Returns 0 for others. */
static int
step_held(struct pairing *table, struct member *m, unsigned how)
{
	if (m->waiter.role != ROLE_STONE || m->waiter.forwarded)
		return 0;
	if (m->waiter.state == WAITER_WAITING && (how & 3) == 2) {
		MUST(pairing_hold(table, &m->waiter) == held(m->key));
		MUST(m->waiter.state == WAITER_HELD);
		if (tells)
			told_held[m->key] = held(m->key);
		return 1;
	}
	if (m->waiter.state != WAITER_HELD || (how & 3) == 0)
		return 0;
	pairing_release(&m->waiter);
	m->order = last++;
	match(table, m);
	return 1;
}

/* From an earlier broker. */
static void
restore(struct pairing *table, struct member *m, unsigned how)
{
	struct customer_key key;

	m->key = (how >> 3) % KEYS;
	key = key_of(m->key);
	memset(&m->waiter, 0, sizeof(m->waiter));
	m->waiter.role = ROLE_AGENT;
	MUST(pairing_park_restore(table, &m->waiter, &key) == 0);
	m->order = last++;
	m->woken = 0;
}

static void
part(struct member *m)
{
	if (m->with != NULL)
		m->with->with = NULL;
	m->with = NULL;
}

/* An agent at another relay comes for a stone that it may name wrongly. */
static void
meet(struct pairing *table, struct member *m, unsigned how)
{
	struct member *s = &members[(how >> 3) % N];
	struct customer_key key;
	int fits;

	if (s == m)
		return;
	m->key = how % KEYS;
	key = key_of(m->key);
	memset(&m->waiter, 0, sizeof(m->waiter));
	m->waiter.role = ROLE_AGENT;
	m->waiter.forwarded = 1;
	if (s->waiter.role != ROLE_STONE)
		return; /* the broker looks among stones */
	fits = s->waiter.state == WAITER_WAITING && !s->waiter.forwarded &&
	       s->key == m->key;
	MUST(pairing_meet(table, &m->waiter, &s->waiter, &key) == fits);
	if (!fits) {
		MUST(m->waiter.state == WAITER_ABSENT);
		return;
	}
	MUST(m->waiter.state == WAITER_IN_SESSION && !m->waiter.has_slot);
	MUST(s->waiter.state == WAITER_IN_SESSION && s->waiter.has_slot);
	m->with = s;
	s->with = m;
}

/* What a handler might say next. */
static void
step(struct pairing *table, struct member *m, unsigned how)
{
	struct customer_key key;

	if (step_parked(table, m, how) || step_held(table, m, how))
		return;
	if (m->waiter.state == WAITER_ABSENT && (how & 7) == 6) {
		restore(table, m, how);
	} else if (m->waiter.state == WAITER_ABSENT && (how & 7) == 7) {
		m->key = (how >> 3) % KEYS;
		key = key_of(m->key);
		memset(&m->waiter, 0, sizeof(m->waiter));
		m->waiter.role = (how & 0x80) != 0 ? ROLE_AGENT : ROLE_STONE;
		MUST(pairing_announce(
			 table, &m->waiter, &key, (how & 0x40) != 0) == 0);
	} else if (m->waiter.state == WAITER_ABSENT && (how & 7) == 5) {
		meet(table, m, how);
	} else if (m->waiter.state == WAITER_ABSENT) {
		enter(table, m, how);
	} else if (m->waiter.state == WAITER_IN_SESSION && (how & 1) != 0 &&
		   !(m->waiter.forwarded && m->waiter.role == ROLE_AGENT)) {
		if (m->waiter.role == ROLE_STONE && m->with != NULL)
			pairing_suspect(&m->waiter, m->with->waiter.agent);
		part(m);
		m->order = --first;
		pairing_wait_again(table, &m->waiter);
		match(table, m);
	} else {
		part(m);
		pairing_leave(table, &m->waiter);
		MUST(m->waiter.state == WAITER_ABSENT);
	}
}

static void
check(void)
{
	for (unsigned key = 0; key < KEYS; key++) {
		unsigned agents = count(key, ROLE_AGENT, WAITER_WAITING);
		unsigned stones = count(key, ROLE_STONE, WAITER_WAITING);
		int waiter_lost = agents > 0 && stones > 0;
		int parked_lost = count(key, ROLE_AGENT, WAITER_PARKED) > 0 &&
				  stones >
				      count(key, ROLE_AGENT, WAITER_WAKING);

		MUST(!waiter_lost);
		MUST(!parked_lost);
	}
}

static void
take_news(struct pairing *table, unsigned how)
{
	struct customer_key known;
	struct pairing_news news;

	if ((how & 0xf0) == 0xf0) { /* somebody begins, or ends, to care */
		tells = !tells;
		memset(told, 0, sizeof(told));
		memset(told_held, 0, sizeof(told_held));
		if (tells)
			pairing_news_begin(table);
		else
			pairing_news_end(table);
	}
	if ((how & 8) != 0)
		return; /* later */
	MUST(!pairing_news_walk(table));
	while (pairing_news_first(table, &news)) {
		for (unsigned k = 0; k < KEYS; k++) {
			known = key_of(k);
			if (memcmp(&known, &news.key, sizeof(known)) != 0)
				continue;
			MUST(told[k] != news.here || told_held[k] != news.held);
			told[k] = news.here;
			told_held[k] = news.held;
		}
		pairing_news_take(table);
	}
	MUST(!pairing_news_any(table));
	for (unsigned k = 0; tells && k < KEYS; k++)
		MUST(told[k] == (present(k, ROLE_AGENT) > 0) &&
		     told_held[k] == held(k));
}

/* One customer cannot fill the relay, whatever it is granted. */
static void
fill(enum role role)
{
	const struct entitlement grant = {
	    {UINT32_MAX, CUSTOMER_FORWARD, EXPIRE}, UINT32_MAX, 1};
	const struct customer_key key = key_of(0);
	struct waiter *all = calloc(PAIRING_AGENTS_MAX + 1, sizeof(*all));
	struct pairing *table = pairing_new();

	MUST(all != NULL && table != NULL);
	for (size_t i = 0; i <= PAIRING_AGENTS_MAX; i++) {
		all[i].role = role;
		MUST(
		    pairing_enter(table, &all[i], &key, &grant, 0) ==
		    (i < PAIRING_AGENTS_MAX ? PAIRING_WAIT : PAIRING_TOO_MANY));
	}
	pairing_news_begin(table);
	MUST(!pairing_news_walk(table)); /* one key is no more than a slice */
	for (size_t i = 0; i <= PAIRING_AGENTS_MAX; i++)
		pairing_leave(table, &all[i]);
	pairing_free(table);
	free(all);
}

/* Who begins to want news of many keys holds nobody up: each walk is short. */
static void
many_keys(void)
{
	enum { MANY = 20000, SHORT = 256 };
	const struct entitlement grant = {
	    {UINT32_MAX, CUSTOMER_FORWARD, EXPIRE}, UINT32_MAX, 1};
	struct waiter *all = calloc(MANY, sizeof(*all));
	struct pairing *table = pairing_new();
	unsigned walks = 1, keys = 0;
	struct pairing_news news;

	MUST(all != NULL && table != NULL);
	for (unsigned i = 0; i < MANY; i++) {
		const struct customer_key key = key_of(i);

		all[i].role = ROLE_AGENT;
		MUST(pairing_enter(table, &all[i], &key, &grant, 0) ==
		     PAIRING_WAIT);
	}
	pairing_news_begin(table);
	for (int more = 1; more; walks++) {
		unsigned found = 0;

		more = pairing_news_walk(table);
		for (; pairing_news_first(table, &news); found++)
			pairing_news_take(table);
		MUST(found <= SHORT);
		keys += found;
		/* some go before it was their turn */
		pairing_leave(table, &all[MANY - walks]);
	}
	MUST(keys >= MANY - walks && keys <= MANY);
	for (unsigned i = 0; i < MANY; i++)
		pairing_leave(table, &all[i]);
	pairing_free(table);
	free(all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pairing *table = pairing_new();
	struct fuzz_input in = {data, size};

	if (size == 0) {
		fill(ROLE_AGENT);
		fill(ROLE_STONE);
		many_keys();
	}
	MUST(table != NULL);
	memset(members, 0, sizeof(members));
	first = last = 1U << 31;
	tells = 0;
	while (in.left > 1) {
		const unsigned who = fuzz_byte(&in);
		struct member *m = &members[who % N];

		step(table, m, fuzz_byte(&in));
		take_news(table, who);
		for (unsigned key = 0; key < KEYS; key++)
			wake(key);
		check();
	}
	for (size_t i = 0; i < N; i++)
		pairing_leave(table, &members[i].waiter);
	pairing_free(table);
	return 0;
}
