/* Rows, and how they are sent: see listing.h. */
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What became of sending s's answer. Blocked: it has to be sent again. */
static enum sweep_step
sent(struct broker *b, struct sweep *s, int rc)
{
	if (rc == 0)
		return SWEEP_MORE;
	if (errno == EAGAIN)
		return SWEEP_BLOCKED;
	conn_drop(b, s->admin);
	return SWEEP_END;
}

enum sweep_step
listing_add(struct broker *b, struct sweep *s, const struct message *m)
{
	enum sweep_step step = SWEEP_MORE;

	if (wire_rows_add(s->rows, m) == -1) {
		step = sent(b, s, wire_rows_send(s->admin->fd, s->rows));
		if (step == SWEEP_MORE)
			wire_rows_add(s->rows, m);
	}
	s->count += step == SWEEP_MORE;
	return step;
}

enum sweep_step
listing_end(struct broker *b, struct sweep *s, const char *text)
{
	struct message m = {
	    .type = MESSAGE_ADMIN_DONE, .u.admin_done.count = s->count};
	enum sweep_step step;

	if (s->admin == NULL)
		return SWEEP_END;
	snprintf(m.u.admin_done.text, sizeof(m.u.admin_done.text), "%s", text);
	step = sent(b, s, wire_rows_send(s->admin->fd, s->rows));
	if (step == SWEEP_MORE)
		step = sent(b, s, wire_send(s->admin->fd, &m, NULL));
	return step == SWEEP_BLOCKED ? SWEEP_BLOCKED : SWEEP_END;
}

/* ---- rows ---- */

int
listing_waiter(const struct conn *c, struct message *m)
{
	struct row_waiter *row = &m->u.waiter;

	if (c->waiter.state == WAITER_ABSENT ||
	    c->waiter.state == WAITER_IN_SESSION)
		return 0;
	m->type = MESSAGE_ROW_WAITER;
	row->id = c->id;
	row->role = c->waiter.role;
	row->seconds = conn_uptime() - c->since;
	row->agent = c->waiter.agent;
	row->identity = c->certificate->identity;
	row->fingerprint = c->certificate->fingerprints[0];
	memcpy(row->customer, c->account->name, sizeof(row->customer));
	memcpy(row->peer, c->peer, sizeof(row->peer));
	row->parked = c->waiter.state == WAITER_PARKED   ? WAITER_IS_PARKED
		      : c->waiter.state == WAITER_WAKING ? WAITER_IS_WOKEN
							 : WAITER_HAS_HANDLER;
	row->rtt = c->about.rtt;
	row->retransmits = c->about.retransmits;
	memcpy(row->version, c->about.version, sizeof(row->version));
	return 1;
}

int
listing_session(const struct conn *c, struct message *m)
{
	const struct session *s = c->session;
	struct row_session *row = &m->u.session;
	uint64_t now = conn_uptime();

	if (s == NULL ||
	    (c->waiter.role == ROLE_AGENT && s->stone.conn != NULL))
		return 0;
	m->type = MESSAGE_ROW_SESSION;
	row->id = s->id;
	row->seconds = now > s->started ? now - s->started : 0;
	row->tls = s->tls;
	row->up = s->up;
	row->down = s->down;
	row->stone_identity = s->stone.identity;
	row->agent_identity = s->agent.identity;
	memcpy(row->customer, c->account->name, sizeof(row->customer));
	memcpy(row->stone, s->stone.peer, sizeof(row->stone));
	memcpy(row->agent, s->agent.peer, sizeof(row->agent));
	memcpy(row->stone_node, s->stone.node, sizeof(row->stone_node));
	memcpy(row->agent_node, s->agent.node, sizeof(row->agent_node));
	if (s->stone.conn != NULL) {
		row->stone_rtt = s->stone.conn->about.rtt;
		row->stone_retransmits = s->stone.conn->about.retransmits;
	}
	if (s->agent.conn != NULL) {
		row->agent_rtt = s->agent.conn->about.rtt;
		row->agent_retransmits = s->agent.conn->about.retransmits;
		memcpy(row->version, s->agent.conn->about.version,
		    sizeof(row->version));
	}
	return 1;
}
