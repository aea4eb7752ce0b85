/* What is remembered of refusals and failures, for people: see state.h. */
#include "state.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void
note_refusal(struct broker *b, const struct conn *c, enum refusal_kind kind,
    uint32_t status, const char *reason)
{
	struct row_refusal row = {.when = (uint64_t)time(NULL),
	    .kind = kind,
	    .status = status,
	    .role = c->waiter.role,
	    .identity = c->certificate->identity,
	    .fingerprint = c->certificate->fingerprints[0]};

	if (c->account != NULL)
		memcpy(row.customer, c->account->name, sizeof(row.customer));
	memcpy(row.peer, c->peer, sizeof(row.peer));
	snprintf(row.reason, sizeof(row.reason), "%s", reason);
	recent_add(b->recent, &row);
}

/* The side that broke off is the one to remember. */
void
note_session_end(struct broker *b, const struct conn *c)
{
	struct row_refusal row = {
	    .when = (uint64_t)time(NULL), .kind = REFUSAL_SESSION};
	const struct session_side *side;
	const char *fault = session_fault(c->session, c->waiter.role, &side);

	if (fault == NULL)
		return;
	row.role = side == &c->session->agent ? ROLE_AGENT : ROLE_STONE;
	row.identity = side->identity;
	memcpy(row.customer, c->account->name, sizeof(row.customer));
	memcpy(row.peer, side->peer, sizeof(row.peer));
	snprintf(row.reason, sizeof(row.reason), "%s", fault);
	recent_add(b->recent, &row);
}

/*
 * Once, so that a handler which was broken into cannot push out all that others
 * said. Who never registered proved nothing: its customer is who has such a
 * certificate, if it has named one.
 */
int
note_told(struct broker *b, struct conn *c, const struct message_refusal *m)
{
	static const struct identity unknown;
	struct certificate claimed = {.identity = m->identity,
	    .fingerprints = {m->fingerprint},
	    .forms = 1};
	struct row_refusal row = {.when = (uint64_t)time(NULL),
	    .kind = m->kind,
	    .status = m->status,
	    .role = c->waiter.role,
	    .identity = m->identity,
	    .fingerprint = m->fingerprint};

	if (c->refusal_told)
		return -1;
	c->refusal_told = 1;
	if (m->kind <= REFUSAL_TLS_KINDS)
		b->totals.tls_refused[m->kind - 1]++;
	if (memcmp(&m->identity, &unknown, sizeof(unknown)) != 0)
		snprintf(row.customer, sizeof(row.customer), "%s",
		    customers_find(b->customers, &claimed)->name);
	memcpy(row.peer, m->peer, sizeof(row.peer));
	memcpy(row.reason, m->reason, sizeof(row.reason));
	recent_add(b->recent, &row);
	return 0;
}
