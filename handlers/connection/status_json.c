/* The data of the page: see status_json.h. */
#include "connection/status_json.h"

#include <inttypes.h>
#include <string.h>

/*
 * What is no plain ASCII, and what means something in HTML, is escaped as well:
 * wherever the text ends up, it is text.
 */
static void
put_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~' || strchr("\"\\<>&'", c) != NULL)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void
put_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\":", key);
	put_string(out, text);
}

static void
put_number(FILE *out, const char *key, uint64_t n)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, n);
}

static void
put_more_text(FILE *out, const char *key, const char *text)
{
	putc(',', out);
	put_text(out, key, text);
}

static void
put_customer(FILE *out, const struct row_customer *c)
{
	put_text(out, "name", c->name);
	put_more_text(out, "type", customer_type_word(c->type));
	put_number(out, "present", c->present);
	put_number(out, "allow", c->allow);
	put_number(out, "nusers", c->nusers);
	put_number(out, "max_agents", c->max_agents);
	put_number(out, "expire", c->expire);
	put_number(out, "agents", c->agents);
	put_number(out, "stones", c->stones);
	put_number(out, "sessions", c->sessions);
	put_number(out, "sessions_total", c->sessions_total);
	put_number(out, "refused_total", c->refused_total);
	put_number(out, "up_total", c->up_total);
	put_number(out, "down_total", c->down_total);
}

static void
put_waiter(FILE *out, const struct row_waiter *w)
{
	put_text(out, "customer", w->customer);
	put_more_text(out, "peer", w->peer);
	put_more_text(out, "version", w->version);
	put_number(out, "id", w->id);
	put_number(out, "seconds", w->seconds);
	put_number(out, "rtt", w->rtt);
	put_more_text(out, "state", waiter_parked_word(w->parked));
}

static void
put_session(FILE *out, const struct row_session *s)
{
	put_text(out, "customer", s->customer);
	put_more_text(out, "stone", s->stone);
	put_more_text(out, "agent", s->agent);
	put_number(out, "id", s->id);
	put_number(out, "seconds", s->seconds);
	put_number(out, "up", s->up);
	put_number(out, "down", s->down);
}

static void
put_refusal(FILE *out, const struct row_refusal *r)
{
	put_text(out, "customer", r->customer);
	put_more_text(out, "peer", r->peer);
	put_more_text(out, "reason", r->reason);
	put_more_text(out, "do", refusal_advice(r->kind, r->reason));
	put_number(out, "when", r->when);
	put_number(out, "status", r->status);
	put_number(out, "times", r->times);
}

void
status_json_begin(FILE *out, uint64_t now)
{
	/* the first row is this, so that all others begin with a comma */
	fprintf(
	    out, "{\"rows\":[{\"kind\":\"clock\",\"now\":%" PRIu64 "}", now);
}

static void
begin(FILE *out, const char *kind)
{
	fprintf(out, ",{\"kind\":\"%s\",", kind);
}

void
status_json_row(FILE *out, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_ROW_CUSTOMER:
		begin(out, "customer");
		put_customer(out, &m->u.customer);
		break;
	case MESSAGE_ROW_WAITER:
		begin(out, "agent");
		put_waiter(out, &m->u.waiter);
		break;
	case MESSAGE_ROW_SESSION:
		begin(out, "session");
		put_session(out, &m->u.session);
		break;
	case MESSAGE_ROW_REFUSAL:
		begin(out, "refusal");
		put_refusal(out, &m->u.row_refusal);
		break;
	default:
		return;
	}
	putc('}', out);
}

void
status_json_end(FILE *out, int sees_all)
{
	fprintf(out, "],\"all\":%s}\n", sees_all ? "true" : "false");
}
