/* What stands between somebody and a session: see verdict.h. */
#include "ctl/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the table of customers says against it; NULL: nothing. */
static const char *
bars(const struct row_customer *c, uint64_t now)
{
	if (!c->present)
		return "This customer is no longer in the table";
	if (!c->allow)
		return "This customer is not allowed";
	if (c->expire <= now)
		return "This customer's time is over";
	return NULL;
}

static int
refused(char *text, size_t size, const char *reason, const char *advice)
{
	snprintf(text, size, "refused: %s: %s", reason, advice);
	return 0;
}

/* Nobody is here: the last refusal tells best why. */
static int
absent(const struct facts *f, char *text, size_t size)
{
	const struct row_refusal *last = f->last;

	if (last != NULL && last->kind != REFUSAL_SESSION)
		return refused(text, size, last->reason,
		    refusal_advice(last->kind, last->reason));
	if (f->subject == SUBJECT_ADDRESS)
		snprintf(text, size,
		    "never seen: nothing from there has reached the relay "
		    "since the broker started: see names, firewalls and "
		    "proxies on the way, and relayctl check");
	else
		snprintf(text, size,
		    "no agent waits: a stone that comes now gets 503: is "
		    "relayagent running, and with the same certificate?");
	return 0;
}

int
verdict(const struct facts *f, char *text, size_t size)
{
	const struct row_customer *c = f->customer;
	const char *bar = c == NULL ? NULL : bars(c, f->now);

	if (f->fault != NULL)
		return refused(text, size, f->fault,
		    "issue another with relay-ca client, or renew it with "
		    "relay-ca renew");
	if (c == NULL && f->subject == SUBJECT_CUSTOMER) {
		snprintf(text, size,
		    "no customer has this name: see relayctl customers");
		return 0;
	}
	if (bar != NULL)
		return refused(
		    text, size, bar, refusal_advice(REFUSAL_LIMIT, bar));
	if (c != NULL && c->sessions >= c->nusers &&
	    f->subject != SUBJECT_ADDRESS && strcmp(c->name, "default") != 0) {
		snprintf(text, size,
		    "full: all %" PRIu32 " sessions are in use, and the next "
		    "stone gets 429: raise nusers, or see relayctl sessions",
		    c->nusers);
		return 0;
	}
	if (f->agents == 0 && f->sessions == 0 && f->stones == 0)
		return absent(f, text, size);
	if (f->agents == 0 && f->sessions == 0) {
		snprintf(text, size,
		    "a stone waits, and no agent: is relayagent running, and "
		    "with the same certificate?");
		return 0;
	}
	if (f->agents == 0) {
		snprintf(text, size,
		    "in use, and no agent waits for the next stone: give "
		    "relayagent more polls (-m)");
		return f->subject == SUBJECT_ADDRESS;
	}
	snprintf(text, size, "well: %u agent%s wait%s for a stone", f->agents,
	    f->agents == 1 ? "" : "s", f->agents == 1 ? "s" : "");
	return 1;
}
