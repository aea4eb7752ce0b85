/* "relay-stone status": see status.h. */
#define _GNU_SOURCE
#include "stone/status.h"
#include "base/fd.h"
#include "base/log.h"
#include "status/sessions.h"
#include "status/status.h"
#include "stone/shared_pool.h"
#include "tls/validity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME      "relay-stone"
#define ERROR_MAX 256
#define NEWS_TURN 64 /* packets that are read in one turn */

struct row {
	char place[STATUS_NAME_MAX]; /* where it listens */
	uint64_t connections;
	time_t good;  /* a session was, last; 0: none yet */
	time_t since; /* it fails since then; 0: it does not */
	time_t error_at;
	char error[ERROR_MAX]; /* the last; "": none */
};

struct stone_status {
	int listener;
	int news[2]; /* ours, and the sessions' */
	time_t started;
	size_t nrows;
	struct row rows[STONE_FORWARDS_MAX];
	struct status_sessions sessions;
};

/* A packet: how it went with the forward that listens at place. */
struct news {
	char place[STATUS_NAME_MAX];
	uint64_t connections; /* 0: it is about this: */
	char error[ERROR_MAX];
};

/* ---- life ---- */

struct stone_status *
stone_status_new(const char *file)
{
	struct stone_status *s = calloc(1, sizeof(*s));
	struct failure f;

	if (s == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		s->news) == -1) {
		free(s);
		return NULL;
	}
	s->started = time(NULL);
	s->listener = status_listen(NAME, file, &f);
	if (s->listener == -1 && *f.text != '\0')
		log_event(LOG_NOTICE, "no-status", "error", f.text, NULL);
	return s;
}

void
stone_status_free(struct stone_status *s)
{
	if (s == NULL)
		return;
	stone_status_forget(s);
	fd_close(&s->news[1]);
	free(s);
}

void
stone_status_forget(struct stone_status *s)
{
	fd_close(&s->listener);
	fd_close(&s->news[0]);
}

static struct row *
row_of(struct stone_status *s, const char *place)
{
	for (size_t i = 0; i < s->nrows; i++)
		if (strcmp(s->rows[i].place, place) == 0)
			return &s->rows[i];
	return NULL;
}

void
stone_status_renew(struct stone_status *s, struct forwards *set)
{
	static struct row rows[STONE_FORWARDS_MAX];

	for (size_t i = 0; i < set->conf.nforwards; i++) {
		char place[STATUS_NAME_MAX];
		const struct row *old;

		set->list[i].status = s;
		stone_endpoint_text(
		    &set->conf.forwards[i].listen, place, sizeof(place));
		old = row_of(s, place);
		rows[i] = old != NULL ? *old : (struct row){.good = 0};
		memcpy(rows[i].place, place, sizeof(place));
	}
	s->nrows = set->conf.nforwards;
	memcpy(s->rows, rows, s->nrows * sizeof(*rows));
}

/* ---- sessions ---- */

void
stone_status_started(
    struct stone_status *s, const struct forward *forward, pid_t pid)
{
	char place[STATUS_NAME_MAX];
	struct row *row;

	stone_endpoint_text(&forward->conf->listen, place, sizeof(place));
	status_sessions_add(&s->sessions, pid, place);
	row = row_of(s, place);
	if (row != NULL)
		row->connections++;
}

void
stone_status_ended(struct stone_status *s, pid_t pid)
{
	status_sessions_end(&s->sessions, pid);
}

void
stone_status_tell(const struct forward *forward, const char *error)
{
	struct news n = {.place = ""};

	if (forward->status == NULL)
		return;
	stone_endpoint_text(&forward->conf->listen, n.place, sizeof(n.place));
	snprintf(n.error, sizeof(n.error), "%s", error);
	/* where there are too many, some are not heard */
	send(forward->status->news[1], &n, sizeof(n), MSG_NOSIGNAL);
}

int
stone_status_connections(const struct forward *forward, uint64_t count)
{
	struct news n = {.connections = count};

	if (forward->status == NULL || count == 0)
		return 0;
	stone_endpoint_text(&forward->conf->listen, n.place, sizeof(n.place));
	return send(forward->status->news[1], &n, sizeof(n), MSG_NOSIGNAL) == -1
		   ? -1
		   : 0;
}

static void
on_news(struct stone_status *s, struct news *n)
{
	struct row *row;

	n->place[sizeof(n->place) - 1] = n->error[sizeof(n->error) - 1] = '\0';
	row = row_of(s, n->place);
	if (row == NULL)
		return;
	row->connections += n->connections;
	if (n->connections > 0)
		return;
	if (*n->error == '\0') {
		row->good = time(NULL);
		row->since = 0;
		return;
	}
	row->error_at = time(NULL);
	if (row->since == 0)
		row->since = row->error_at;
	memcpy(row->error, n->error, sizeof(row->error));
}

/* ---- answering ---- */

int
stone_status_news(const struct stone_status *s)
{
	return s->news[0];
}

int
stone_status_listener(const struct stone_status *s)
{
	return s->listener;
}

static json_t *
forward_row(struct stone_status *s, const struct forwards *set, size_t i,
    const struct shared_pool *shared)
{
	const struct stone_forward *conf = &set->conf.forwards[i];
	const struct row *row = &s->rows[i];
	char relays[RELAYS_MAX * RELAY_TEXT_MAX];

	relays_text(&conf->relays, relays, sizeof(relays));
	return json_pack(
	    "{s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "listen",
	    row->place, "relay", status_text(relays), "sessions",
	    (json_int_t)status_sessions_count(&s->sessions, row->place),
	    "shared", (json_int_t)shared_pool_ready(shared, i), "shared_wanted",
	    (json_int_t)shared_pool_wanted(shared, i), "connections",
	    (json_int_t)row->connections, "good_at", status_time(row->good),
	    "fails_since", status_time(row->since), "last_error",
	    status_text(row->error), "last_error_at",
	    status_time(row->error_at), "certificate_until",
	    status_time(validity_end(set->list[i].tls.certificate)));
}

void
stone_status_serve(struct stone_status *s, const struct forwards *set,
    const struct shared_pool *shared)
{
	json_t *doc, *rows;
	struct news n;

	for (int i = 0; i < NEWS_TURN; i++)
		if (recv(s->news[0], &n, sizeof(n), MSG_DONTWAIT) ==
		    (ssize_t)sizeof(n))
			on_news(s, &n);
		else
			break;
	if (!status_is_asked(s->listener))
		return;
	doc = status_begin(NAME, s->started);
	rows = json_array();
	for (size_t i = 0; i < s->nrows; i++)
		json_array_append_new(rows, forward_row(s, set, i, shared));
	json_object_set_new(doc, "forwards", rows);
	status_answer(s->listener, doc);
	json_decref(doc);
}

/* ---- who asks ---- */

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_forward(const json_t *r)
{
	printf("forward %s to %s: %lld sessions, %lld connections so far",
	    status_word(r, "listen"), status_word(r, "relay"),
	    number(r, "sessions"), number(r, "connections"));
	if (number(r, "shared_wanted") > 0)
		printf(", %lld of %lld shared sessions are there",
		    number(r, "shared"), number(r, "shared_wanted"));
	printf("; the certificate ends: %s\n",
	    status_word(r, "certificate_until"));
	if (json_is_string(json_object_get(r, "fails_since")))
		printf("    fails since %s\n", status_word(r, "fails_since"));
	else if (json_is_string(json_object_get(r, "good_at")))
		printf("    went well at %s\n", status_word(r, "good_at"));
	if (json_is_string(json_object_get(r, "last_error")))
		printf("    last error at %s: %s\n",
		    status_word(r, "last_error_at"),
		    status_word(r, "last_error"));
}

static void
print(const json_t *doc)
{
	const json_t *forwards = json_object_get(doc, "forwards");

	for (size_t i = 0; i < json_array_size(forwards); i++)
		print_forward(json_array_get(forwards, i));
}

int
stone_status_run(const char *file, int json)
{
	return status_run(NAME, file, json, print);
}
