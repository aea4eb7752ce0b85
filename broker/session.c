/* The table of live sessions: see session.h. */
#include "session.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sessions {
	struct session *live;
	size_t sealed, bare; /* of them */
};

struct sessions *
sessions_new(void)
{
	return calloc(1, sizeof(struct sessions));
}

void
sessions_free(struct sessions *table)
{
	struct session *s, *next;

	if (table == NULL)
		return;
	HASH_ITER(hh, table->live, s, next)
	session_cancel(table, s);
	free(table);
}

static struct session *
find(struct sessions *table, uint32_t id)
{
	struct session *s;

	HASH_FIND(hh, table->live, &id, sizeof(id), s);
	return s;
}

static struct session *
add(struct sessions *table, uint32_t id, const struct customer_key *key,
    const char *customer, uint64_t started)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->id = id;
	s->key = *key;
	s->customer = customer;
	s->started = started;
	HASH_ADD(hh, table->live, id, sizeof(s->id), s);
	if (s->hh.tbl == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

struct session *
session_new(struct sessions *table, const struct customer_key *key,
    const char *customer, uint64_t started)
{
	uint32_t id;

	/* random, so that ids stay apart from those of an earlier broker */
	do {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			return NULL;
	} while (id == 0 || find(table, id) != NULL);
	return add(table, id, key, customer, started);
}

struct session *
session_announced(struct sessions *table, uint32_t id,
    const struct customer_key *key, const char *customer, uint64_t started)
{
	struct session *s = find(table, id);

	if (s == NULL)
		return add(table, id, key, customer, started);
	if (memcmp(&s->key, key, sizeof(*key)) != 0) {
		errno = EEXIST;
		return NULL;
	}
	return s;
}

size_t
sessions_count(const struct sessions *table)
{
	return HASH_COUNT(table->live);
}

size_t
sessions_sealed(const struct sessions *table)
{
	return table->sealed;
}

size_t
sessions_bare(const struct sessions *table)
{
	return table->bare;
}

/* Has the table count session as one of these. */
static void
set_tls(struct sessions *table, struct session *session, uint32_t tls)
{
	table->sealed -= (session->tls & SESSION_SEALED) != 0;
	table->bare -= (session->tls & SESSION_BARE) != 0;
	session->tls = tls;
	table->sealed += (tls & SESSION_SEALED) != 0;
	table->bare += (tls & SESSION_BARE) != 0;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
session_note(struct sessions *table, struct session *session, enum role role,
    uint64_t in, uint64_t out, uint32_t tls)
{
	const struct session_side *agent = &session->agent;
	const struct session_side *stone = &session->stone;
	struct session_side *side = session_side(session, role);

	side->bytes_in = in;
	side->bytes_out = out;
	side->tls = tls;
	session->up = larger(
	    session->up, larger(stone->bytes_in, agent->bytes_out));
	session->down = larger(
	    session->down, larger(agent->bytes_in, stone->bytes_out));
	set_tls(table, session,
	    ((agent->tls | stone->tls) & SESSION_SEALED) |
		(agent->tls & stone->tls & SESSION_BARE));
}

struct session_side *
session_side(struct session *session, enum role role)
{
	return role == ROLE_AGENT ? &session->agent : &session->stone;
}

/* A handler that ended before it found a new broker never did. */
static int
came(const struct session_side *side)
{
	return side->peer[0] != '\0';
}

/* The side that broke off names the reason; the other only saw it happen. */
static const char *
reason_word(const struct session *s)
{
	if (s->cause != NULL)
		return s->cause;
	if (s->stone.reason == END_CERTIFICATE)
		return "stone-certificate";
	if (s->agent.reason == END_CERTIFICATE)
		return "agent-certificate";
	if (s->agent.reason == END_UNCONFIRMED)
		return "agent-unconfirmed";
	if (s->stone.reason == END_PEER_ERROR)
		return "stone-error";
	if (s->agent.reason == END_PEER_ERROR)
		return "agent-error";
	if (s->stone.reason == 0 && came(&s->stone))
		return "stone-handler-died";
	if (s->agent.reason == 0 && came(&s->agent))
		return "agent-handler-died";
	if (s->stone.reason == END_OTHER_SIDE &&
	    s->agent.reason == END_OTHER_SIDE)
		return "hop-error";
	return "done";
}

const char *
session_fault(
    const struct session *s, enum role role, const struct session_side **side)
{
	const struct conn *other = role == ROLE_AGENT ? s->stone.conn
						      : s->agent.conn;
	const char *word = reason_word(s);

	if (other != NULL || s->cause != NULL || strcmp(word, "done") == 0)
		return NULL;
	*side = strncmp(word, "agent", 5) == 0 ? &s->agent : &s->stone;
	return word;
}

static void
log_end(const struct session *s, uint64_t now)
{
	char id[9], hex[IDENTITY_HEX_SIZE];

	snprintf(id, sizeof(id), "%08x", s->id);
	identity_hex(
	    came(&s->stone) ? &s->stone.identity : &s->agent.identity, hex);
	log_event(LOG_INFO, "session", "id", id, "customer", s->customer,
	    "identity", hex, "stone", s->stone.peer, "stone_node",
	    s->stone.node, "agent", s->agent.peer, "agent_node", s->agent.node,
	    "seal", session_tls_word(s->tls), "seconds",
	    LOG_U64(now > s->started ? now - s->started : 0), "up",
	    LOG_U64(s->up), "down", LOG_U64(s->down), "reason", reason_word(s),
	    NULL);
}

void
session_leave(struct sessions *table, struct session *session, enum role role,
    uint64_t now)
{
	session_side(session, role)->conn = NULL;
	if (session->agent.conn != NULL || session->stone.conn != NULL)
		return;
	log_end(session, now);
	session_cancel(table, session);
}

void
session_cancel(struct sessions *table, struct session *session)
{
	set_tls(table, session, 0);
	HASH_DEL(table->live, session);
	free(session);
}
