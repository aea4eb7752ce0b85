/*
 * How a stone and an agent are joined, and what their handlers say of the
 * session: see state.h.
 */
#include "base/container.h"
#include "base/log.h"
#include "ipc/hop_fds.h"
#include "state.h"

#include <errno.h>
#include <string.h>

static struct conn *
conn_of(struct waiter *w)
{
	return CONTAINER_OF(w, struct conn, waiter);
}

/* ---- how two are joined ---- */

static int
send_matched(struct conn *c, const struct session *s, int socket, int memory)
{
	const int fds[] = {[WIRE_SOCKET] = socket, [WIRE_MEMORY] = memory};
	const struct message m = {
	    .type = MESSAGE_MATCHED, .u.matched.session = s->id};

	return wire_send(c->fd, &m, fds);
}

void
joining_enter(struct conn *c, struct session *s)
{
	struct session_side *side = session_side(s, c->waiter.role);

	c->session = s;
	side->conn = c;
	side->agent = c->waiter.agent;
	side->identity = c->certificate->identity;
	memcpy(side->peer, c->peer, sizeof(side->peer));
	memcpy(side->node, c->node, sizeof(side->node));
	conn_count(c);
}

void
joining_wait_again(struct broker *b, struct conn *c)
{
	if (c->kicked || (c->waiter.forwarded && c->waiter.role == ROLE_AGENT))
		pairing_leave(b->pairing, &c->waiter);
	else
		pairing_wait_again(b->pairing, &c->waiter);
	conn_count(c);
}

/*
 * A session that is called off is made again, with another agent: of one stone,
 * it is the same.
 */
static void
count_session(struct broker *b, struct conn *stone)
{
	if (stone->session_counted)
		return;
	stone->session_counted = 1;
	b->totals.sessions_total++;
	stone->account->sessions_total++;
}

void
joining_pair(struct broker *b, struct conn *agent, struct conn *stone)
{
	struct session *s;
	struct hop_fds hop;

	s = session_new(b->sessions, pairing_key(&stone->waiter),
	    stone->account->name, conn_uptime());
	if (s == NULL || hop_fds_make(&hop) == -1) {
		log_event(
		    LOG_ERR, "no-session", "error", strerror(errno), NULL);
		if (s != NULL)
			session_cancel(b->sessions, s);
		joining_wait_again(b, agent);
		conn_refuse(b, stone, REFUSAL_RELAY, 503,
		    "The relay is out of resources");
		return;
	}
	reach_end(b, stone);
	joining_enter(stone, s);
	joining_enter(agent, s);
	count_session(b, stone);
	b->totals.crossing_out_total += (uint64_t)agent->waiter.forwarded;
	b->totals.crossing_in_total += (uint64_t)stone->waiter.forwarded;
	log_event(LOG_INFO, "paired", "id", LOG_ID(s->id), "customer",
	    stone->account->name, "stone", stone->peer, "stone_node",
	    stone->node, "agent", agent->peer, "agent_node", agent->node, NULL);
	if (send_matched(stone, s, hop.stone, hop.memory) == -1) {
		agent->session = NULL;
		session_side(s, ROLE_AGENT)->conn = NULL;
		joining_wait_again(b, agent);
		conn_drop(b, stone);
	} else if (send_matched(agent, s, hop.agent, hop.memory) == -1) {
		conn_drop(b, agent);
	}
	hop_fds_close(&hop);
}

void
joining_match(struct broker *b, const struct conn *c)
{
	struct waiter *agent, *stone;

	while (!b->draining && c->waiter.state == WAITER_WAITING &&
	       pairing_next(b->pairing, &c->waiter, &agent, &stone))
		joining_pair(b, conn_of(agent), conn_of(stone));
	if (!c->dropped && c->waiter.role == ROLE_STONE &&
	    c->waiter.state == WAITER_WAITING)
		waking_for(b, &c->waiter);
}

/* ---- what handlers say of it ---- */

int
joining_call_off(
    struct broker *b, struct conn *c, const struct message_wait_again *m)
{
	if (c->waiter.state != WAITER_IN_SESSION ||
	    (c->session != NULL && m->session != c->session->id))
		return -1;
	if (c->session != NULL) {
		struct session *s = c->session;
		struct conn *agent = session_side(s, ROLE_AGENT)->conn;
		struct conn *stone = session_side(s, ROLE_STONE)->conn;

		if (c->waiter.role == ROLE_STONE)
			pairing_suspect(
			    &c->waiter, session_side(s, ROLE_AGENT)->agent);
		if (agent != NULL)
			agent->session = NULL;
		if (stone != NULL)
			stone->session = NULL;
		session_cancel(b->sessions, s);
	}
	if (c->waiter.forwarded && c->waiter.role == ROLE_AGENT)
		return -1; /* it has come for one stone */
	joining_wait_again(b, c);
	joining_match(b, c);
	reach_begin(b, c);
	return 0;
}

/* Adds what is new since the last report, of either side. */
static void
note(struct broker *b, struct conn *c, uint64_t in, uint64_t out, uint32_t tls)
{
	struct session *s = c->session;
	const uint64_t up = s->up, down = s->down;
	const uint32_t before = s->tls;

	session_note(b->sessions, s, c->waiter.role, in, out, tls);
	c->account->up_total += s->up - up;
	c->account->down_total += s->down - down;
	b->totals.sealed_total += (s->tls & ~before & SESSION_SEALED) != 0;
	b->totals.bare_total += (s->tls & ~before & SESSION_BARE) != 0;
	reach_forget(b, c); /* the session has begun */
}

int
joining_progress(
    struct broker *b, struct conn *c, const struct message_progress *m)
{
	if (c->session != NULL && m->session == c->session->id)
		note(b, c, m->bytes_in, m->bytes_out, m->tls);
	return 0;
}

int
joining_end(struct broker *b, struct conn *c, const struct message_end *m)
{
	if (c->session == NULL)
		return 0; /* the other side called it off first */
	if (m->session != c->session->id)
		return -1;
	note(b, c, m->bytes_in, m->bytes_out, m->tls);
	session_side(c->session, c->waiter.role)->reason = m->reason;
	return 0;
}
