/* "relayagent status": see status.h. */
#include "agent/status.h"
#include "base/deadline.h"
#include "status/status.h"

#include <stdio.h>

#define NAME "relayagent"

/* ---- the pool ---- */

/* Seconds to the next poll where there is none, rounded up. */
static json_t *
next_try(const struct agent_relay *r)
{
	if (*r->error == '\0')
		return json_null();
	return json_integer((deadline_left(r->due) + 999) / 1000);
}

static json_t *
relay_row(const struct agent_status *s, struct agent_relay *r)
{
	return json_pack(
	    "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:o}",
	    "relay", r->text, "polls", (json_int_t)agent_relay_polls(r),
	    "waiting", (json_int_t)agent_relay_waiting(r), "parked",
	    (json_int_t)agent_relay_parked(r), "wanted",
	    (json_int_t)pool_size_polls(&r->size, deadline_now()), "sessions",
	    (json_int_t)status_sessions_count(s->sessions, r->text), "arrivals",
	    (json_int_t)r->arrivals, "since", status_time(r->since), "error",
	    status_text(r->error), "next_try", next_try(r), "last_error",
	    status_text(r->last_error), "last_error_at",
	    status_time(r->last_error_at), "customer_until",
	    status_time(r->customer_end), "idle",
	    r->is_idle ? json_true() : json_null());
}

void
agent_status_answer(int listener, const struct agent_status *s)
{
	json_t *doc = status_begin(NAME, s->started), *relays = json_array();

	for (size_t i = 0; i < s->nrelays; i++)
		json_array_append_new(relays, relay_row(s, &s->relays[i]));
	json_object_set_new(
	    doc, "sessions", json_integer((json_int_t)s->nsessions));
	json_object_set_new(
	    doc, "certificate_until", status_time(s->certificate->at));
	json_object_set_new(doc, "relays", relays);
	status_answer(listener, doc);
	json_decref(doc);
}

/* ---- who asks ---- */

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_relay(const json_t *r)
{
	const char *error = status_word(r, "error");

	if (json_is_true(json_object_get(r, "idle"))) {
		printf("relay %s: idle while an earlier one works, %lld "
		       "sessions, %lld clients so far\n",
		    status_word(r, "relay"), number(r, "sessions"),
		    number(r, "arrivals"));
		return;
	}
	printf("relay %s: %lld of %lld polls wait (%lld parked), %lld "
	       "sessions, %lld clients so far\n",
	    status_word(r, "relay"), number(r, "waiting"), number(r, "wanted"),
	    number(r, "parked"), number(r, "sessions"), number(r, "arrivals"));
	if (json_is_string(json_object_get(r, "error")))
		printf("    fails since %s: %s; next try in %lld s\n",
		    status_word(r, "since"), error, number(r, "next_try"));
	else
		printf("    well since %s; the customer's time ends: %s\n",
		    status_word(r, "since"), status_word(r, "customer_until"));
	if (!json_is_string(json_object_get(r, "error")) &&
	    json_is_string(json_object_get(r, "last_error")))
		printf("    last error at %s: %s\n",
		    status_word(r, "last_error_at"),
		    status_word(r, "last_error"));
}

static void
print(const json_t *doc)
{
	const json_t *relays = json_object_get(doc, "relays");

	printf("sessions: %lld; the certificate ends: %s\n",
	    number(doc, "sessions"), status_word(doc, "certificate_until"));
	for (size_t i = 0; i < json_array_size(relays); i++)
		print_relay(json_array_get(relays, i));
}

int
agent_status_run(const char *conf, int json)
{
	return status_run(NAME, conf, json, print);
}
