/*
 * Answers as JSON for programs: see show.h. The form is version 1 and is
 * written down in relayctl(8): fields may be added to it, but none is taken
 * away or changes its meaning.
 */
#include "base/log.h"
#include "base/timestamp.h"
#include "ctl/show.h"

#include <jansson.h>
#include <string.h>

#define JSON_VERSION 1

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
fingerprint(const struct identity *id)
{
	char hex[IDENTITY_HEX_SIZE];

	identity_hex(id, hex);
	return json_sprintf("sha256:%s", hex);
}

/* null for what is not known */
static json_t *
text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}

static json_t *
tls_refused(const uint64_t count[static REFUSAL_TLS_KINDS])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < REFUSAL_TLS_KINDS; i++)
		json_object_set_new(
		    object, refusal_word(i + 1), number(count[i]));
	return object;
}

static json_t *
status_row(const struct row_status *s)
{
	return json_pack(
	    "{s:s, s:o, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}",
	    "relay_version", s->version, "pid", number(s->pid), "instance",
	    LOG_ID(s->instance), "uptime", number(s->uptime), "draining",
	    (int)s->draining, "agents", number(s->agents), "stones",
	    number(s->stones), "sessions", number(s->sessions),
	    "sessions_total", number(s->sessions_total), "sealed",
	    number(s->sealed), "sealed_total", number(s->sealed_total), "bare",
	    number(s->bare), "bare_total", number(s->bare_total),
	    "refused_total", number(s->refused_total), "kicked_total",
	    number(s->kicked_total), "reloads_total", number(s->reloads_total),
	    "reload_failures_total", number(s->reload_failures_total),
	    "spawners", number(s->spawners), "parked", number(s->parked),
	    "parked_total", number(s->parked_total), "woken_total",
	    number(s->woken_total), "wake_failures_total",
	    number(s->wake_failures_total), "files", number(s->files),
	    "files_max", number(s->files_max), "log_level",
	    log_level_word((int)s->log_level), "tls_refused",
	    tls_refused(s->tls_refused), "peer_pid",
	    s->peer == 0 ? json_null() : number(s->peer), "reach_total",
	    number(s->reach_total), "crossing_out_total",
	    number(s->crossing_out_total), "crossing_in_total",
	    number(s->crossing_in_total), "presence_pid",
	    s->presence == 0 ? json_null() : number(s->presence), "store_up",
	    (int)s->store_up, "published", number(s->published),
	    "lookups_total", number(s->lookups_total), "lookup_failures_total",
	    number(s->lookup_failures_total));
}

/* in seconds */
static json_t *
rtt(uint32_t microseconds)
{
	return microseconds == 0 ? json_null()
				 : json_real(microseconds / 1000000.0);
}

static json_t *
agent_row(const struct row_waiter *w)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "id",
	    LOG_ID(w->id), "customer", w->customer, "certificate",
	    fingerprint(&w->identity), "peer", text_or_null(w->peer), "seconds",
	    number(w->seconds), "rtt", rtt(w->rtt), "retransmits",
	    number(w->retransmits), "state", waiter_parked_word(w->parked),
	    "agent_version", text_or_null(w->version));
}

static json_t *
session_row(const struct row_session *s)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "id", LOG_ID(s->id), "customer", s->customer, "stone",
	    text_or_null(s->stone), "agent", text_or_null(s->agent),
	    "stone_certificate",
	    *s->stone == '\0' ? json_null() : fingerprint(&s->stone_identity),
	    "agent_certificate",
	    *s->agent == '\0' ? json_null() : fingerprint(&s->agent_identity),
	    "seconds", number(s->seconds), "up", number(s->up), "down",
	    number(s->down), "seal", session_tls_word(s->tls), "stone_rtt",
	    rtt(s->stone_rtt), "agent_rtt", rtt(s->agent_rtt),
	    "stone_retransmits", number(s->stone_retransmits),
	    "agent_retransmits", number(s->agent_retransmits), "agent_version",
	    text_or_null(s->version), "stone_relay",
	    text_or_null(s->stone_node), "agent_relay",
	    text_or_null(s->agent_node));
}

static json_t *
customer_row(const struct row_customer *c)
{
	char expire[WHEN_TEXT_SIZE];

	timestamp_format(c->expire, expire);
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o, s:o}",
	    "name", c->name, "present", (int)c->present, "allow", (int)c->allow,
	    "nusers", number(c->nusers), "type", number(c->type), "expire",
	    c->present ? json_string(expire) : json_null(), "max_agents",
	    number(c->max_agents), "agents", number(c->agents), "stones",
	    number(c->stones), "sessions", number(c->sessions),
	    "sessions_total", number(c->sessions_total), "refused_total",
	    number(c->refused_total), "up_total", number(c->up_total),
	    "down_total", number(c->down_total));
}

static json_t *
fingerprint_or_null(const struct identity *id)
{
	static const struct identity unknown;

	return memcmp(id, &unknown, sizeof(unknown)) == 0 ? json_null()
							  : fingerprint(id);
}

static json_t *
refusal_row(const struct row_refusal *r)
{
	char when[WHEN_TEXT_SIZE];

	timestamp_format(r->when, when);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:s}",
	    "when", when, "times", number(r->times), "peer",
	    text_or_null(r->peer), "customer", text_or_null(r->customer),
	    "certificate", fingerprint_or_null(&r->identity), "kind",
	    refusal_word(r->kind), "status",
	    r->status == 0 ? json_null() : number(r->status), "reason",
	    r->reason, "do", refusal_advice(r->kind, r->reason));
}

static json_t *
row_object(const struct message *m)
{
	switch (m->type) {
	case MESSAGE_ROW_STATUS:
		return status_row(&m->u.status);
	case MESSAGE_ROW_WAITER:
		return agent_row(&m->u.waiter);
	case MESSAGE_ROW_SESSION:
		return session_row(&m->u.session);
	case MESSAGE_ROW_REFUSAL:
		return refusal_row(&m->u.row_refusal);
	default:
		return customer_row(&m->u.customer);
	}
}

static int
print(FILE *out, json_t *json)
{
	int rc = json == NULL ? -1 : json_dumpf(json, out, JSON_INDENT(2));

	json_decref(json);
	fputc('\n', out);
	return rc;
}

static json_t *
array_of(enum ctl_view view, const struct ctl_answer *answer)
{
	json_t *array = json_array();

	for (size_t i = 0; i < answer->nrows; i++)
		if (ctl_view_has(view, &answer->rows[i]) &&
		    json_array_append_new(
			array, row_object(&answer->rows[i])) == -1) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static const char *const view_names[] = {
    [CTL_STATUS] = "status",
    [CTL_AGENTS] = "agents",
    [CTL_SESSIONS] = "sessions",
    [CTL_CUSTOMERS] = "customers",
    [CTL_RECENT] = "recent",
};

static json_t *
view_body(enum ctl_view view, const struct ctl_answer *answer)
{
	if (view != CTL_STATUS)
		return array_of(view, answer);
	return answer->nrows == 1 ? row_object(&answer->rows[0]) : NULL;
}

int
ctl_json(FILE *out, enum ctl_view view, const struct ctl_answer *answer)
{
	return print(out, json_pack("{s:i, s:o}", "version", JSON_VERSION,
			      view_names[view], view_body(view, answer)));
}

static json_t *
result(const char *command, const struct ctl_answer *a)
{
	return json_pack("{s:s, s:b, s:o, s:s}", "command", command, "ok",
	    !a->done.failed, "count", number(a->done.count), "text",
	    a->done.text);
}

static int
print_result(FILE *out, json_t *body)
{
	return print(out,
	    json_pack("{s:i, s:o}", "version", JSON_VERSION, "result", body));
}

int
ctl_json_done(FILE *out, const char *command, const struct ctl_answer *a)
{
	return print_result(out, result(command, a));
}

int
ctl_json_all_add(json_t *relays, const char *relay, enum ctl_view view,
    const struct ctl_answer *answer)
{
	return json_array_append_new(
	    relays, json_pack("{s:s, s:o}", "relay", relay, view_names[view],
			view_body(view, answer)));
}

int
ctl_json_all_add_done(json_t *relays, const char *relay, const char *command,
    const struct ctl_answer *a)
{
	return json_array_append_new(
	    relays, json_pack("{s:s, s:o}", "relay", relay, "result",
			result(command, a)));
}

int
ctl_json_all_add_failure(json_t *relays, const char *relay, const char *why)
{
	return json_array_append_new(
	    relays, json_pack("{s:s, s:s}", "relay", relay, "failure", why));
}

int
ctl_json_all(FILE *out, json_t *relays)
{
	return print(out,
	    json_pack("{s:i, s:o}", "version", JSON_VERSION, "relays", relays));
}

int
ctl_json_customer(
    FILE *out, const char *command, int changed, const struct ctl_answer *a)
{
	json_t *body = result(command, a);

	json_object_set_new(body, "changed", json_boolean(changed));
	return print_result(out, body);
}

int
ctl_json_why(FILE *out, const struct facts *facts, const char *subject,
    int well, const char *text)
{
	return print(out,
	    json_pack("{s:i, s:{s:s, s:o, s:s?, s:i, s:i, s:i, s:o, s:b, s:s}}",
		"version", JSON_VERSION, "why", "subject", subject, "customer",
		facts->customer == NULL ? json_null()
					: customer_row(facts->customer),
		"fault", facts->fault, "agents", (int)facts->agents, "stones",
		(int)facts->stones, "sessions", (int)facts->sessions,
		"last_refusal",
		facts->last == NULL ? json_null() : refusal_row(facts->last),
		"ok", well, "verdict", text));
}

int
ctl_json_check(FILE *out, const struct check *check)
{
	json_t *array = json_array();

	for (size_t i = 0; i < check->n; i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:s, s:s}", "what", check->lines[i].what,
			"state", check_word(check->lines[i].state), "text",
			check->lines[i].text));
	return print(out,
	    json_pack("{s:i, s:o}", "version", JSON_VERSION, "check", array));
}

void
ctl_json_usage_add(json_t *rows, const struct ledger_row *row)
{
	json_array_append_new(rows,
	    json_pack("{s:s, s:s, s:o, s:o, s:o}", "day", row->day, "customer",
		row->customer, "sessions", number(row->sessions), "up",
		number(row->up), "down", number(row->down)));
}

int
ctl_json_usage(FILE *out, json_t *rows)
{
	return print(out,
	    json_pack("{s:i, s:o}", "version", JSON_VERSION, "usage", rows));
}
