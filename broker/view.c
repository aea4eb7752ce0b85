/*
 * What the page of a customer shows: its own agents, sessions and refusals, and
 * an administrator's all of them. See state.h.
 */
#include "base/deadline.h"
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX      100 /* of agents, and of sessions: what a page can show */
#define CUSTOMERS_MAX 500
#define REFUSALS_MAX  20
#define PACE_MS       100 /* between two views of one customer */

/* Whether what belongs to key is for the eyes of s's viewer. */
static int
may_see(const struct sweep *s, const struct customer_key *key)
{
	return s->sees_all || memcmp(key, &s->key, sizeof(*key)) == 0;
}

/* Counts c, and lists it where there are not too many. */
static enum sweep_step
view_conn(struct broker *b, struct sweep *s, struct conn *c)
{
	struct message m = {0};
	enum sweep_step step = SWEEP_MORE;
	uint32_t *count;

	if (c->waiter.state == WAITER_ABSENT ||
	    !may_see(s, pairing_key(&c->waiter)))
		return SWEEP_MORE;
	if (listing_waiter(c, &m))
		count = c->waiter.role == ROLE_AGENT ? &s->seen.agents
						     : &s->seen.stones;
	else if (listing_session(c, &m))
		count = &s->seen.sessions;
	else
		return SWEEP_MORE;
	if (*count < ROWS_MAX && count != &s->seen.stones)
		step = listing_add(b, s, &m);
	if (step == SWEEP_MORE)
		++*count;
	else if (step == SWEEP_BLOCKED)
		s->next = c;
	return step;
}

/*
 * Certificates without a section share an account: what they all have used is
 * nobody's business.
 */
static void
own_row(const struct sweep *s, struct row_customer *row)
{
	account_row(s->admin->account, row);
	row->agents = s->seen.agents;
	row->stones = s->seen.stones;
	row->sessions = s->seen.sessions;
	if (strcmp(row->name, CUSTOMERS_DEFAULT) == 0)
		row->sessions_total = row->refused_total = row->up_total =
		    row->down_total = 0;
}

/* The next customer's row. Returns 0 where there is none. */
static int
view_customer(struct broker *b, struct sweep *s, enum sweep_step *step)
{
	struct message m = {.type = MESSAGE_ROW_CUSTOMER};
	struct account *next = s->sees_all
				   ? accounts_next(b->accounts, s->account)
			       : s->account == NULL ? s->admin->account
						    : NULL;

	if (next == NULL || s->customers == CUSTOMERS_MAX)
		return 0;
	if (s->sees_all)
		account_row(next, &m.u.customer);
	else
		own_row(s, &m.u.customer);
	*step = listing_add(b, s, &m);
	if (*step == SWEEP_MORE) {
		s->account = next;
		s->customers++;
	}
	return 1;
}

static int
is_own(const struct sweep *s, const struct row_refusal *row)
{
	const struct conn *c = s->admin;

	if (s->sees_all || certificate_is(c->certificate, &row->identity))
		return 1;
	/* an account is there: VIEW was obeyed */
	if (c->account == NULL || strcmp(row->customer, CUSTOMERS_DEFAULT) == 0)
		return 0;
	return strcmp(row->customer, c->account->name) == 0;
}

/* The next refusal's row. Returns 0 where there is none. */
static int
view_refusal(struct broker *b, struct sweep *s, enum sweep_step *step)
{
	struct message m = {.type = MESSAGE_ROW_REFUSAL};
	const struct row_refusal *row;
	uint64_t before = s->before;

	do {
		row = recent_next(b->recent, &before);
	} while (row != NULL && !is_own(s, row));
	if (row == NULL || s->refusals == REFUSALS_MAX)
		return 0;
	m.u.row_refusal = *row;
	*step = listing_add(b, s, &m);
	if (*step == SWEEP_MORE) {
		s->before = before;
		s->refusals++;
	}
	return 1;
}

static enum sweep_step
view_step(struct broker *b, struct sweep *s)
{
	struct conn *c = s->admin == NULL ? NULL : sweep_take(s);
	enum sweep_step step = SWEEP_MORE;

	if (s->admin == NULL)
		return SWEEP_END;
	if (c != NULL)
		return view_conn(b, s, c);
	if (view_customer(b, s, &step) || view_refusal(b, s, &step))
		return step;
	return listing_end(b, s, s->sees_all ? VIEW_ALL : "");
}

static int
is_administrators(const struct relay_conf *conf, const struct certificate *c)
{
	for (size_t i = 0; i < conf->nadmins; i++)
		if (certificate_is(c, &conf->admins[i]))
			return 1;
	return 0;
}

static int
refuse(struct conn *c, uint32_t status, const char *reason)
{
	struct message m = {
	    .type = MESSAGE_REFUSED, .u.refused.status = status};

	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason), "%s", reason);
	return wire_send(c->fd, &m, NULL);
}

int
view_take(struct broker *b, struct conn *c, const struct message *m)
{
	struct sweep s = {.step = view_step, .admin = c, .before = UINT64_MAX};

	if (c->waiter.state != WAITER_ABSENT || c->sweep != NULL ||
	    registrar_recognize(b, c, &s.key, m->der, m->u.view.der_len) ==
		NULL) {
		errno = EPROTO;
		return -1;
	}
	if (proof_demand(b, c, m->u.view.voucher, m->der, m->u.view.der_len) ==
	    -1)
		return 0;
	if (!deadline_rings(&c->account->viewed, PACE_MS))
		return refuse(c, 429, "The page is asked for too often");
	s.sees_all = is_administrators(&b->conf, c->certificate);
	s.rows = calloc(1, sizeof(*s.rows));
	if (s.rows != NULL && sweep_start(b, &s) != NULL)
		return 0;
	free(s.rows);
	return refuse(c, 503, "The relay is out of memory");
}
