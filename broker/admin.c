/*
 * What administrators ask, and what they are told. Listings are sweeps, so
 * that a long one delays nobody. See state.h and ipc/admin_rows.h.
 */
#include "base/log.h"
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "dev"
#endif

static enum sweep_step
list_conns(struct broker *b, struct sweep *s)
{
	struct conn *c = s->admin == NULL ? NULL : sweep_take(s);
	struct message m = {0};
	enum sweep_step step;

	if (c == NULL)
		return listing_end(b, s, "");
	if (!(s->command == ADMIN_WAITERS ? listing_waiter : listing_session)(
		c, &m))
		return SWEEP_MORE;
	step = listing_add(b, s, &m);
	if (step == SWEEP_BLOCKED)
		s->next = c;
	return step;
}

static enum sweep_step
list_accounts(struct broker *b, struct sweep *s)
{
	struct account *a = s->admin == NULL
				? NULL
				: accounts_next(b->accounts, s->account);
	struct message m = {.type = MESSAGE_ROW_CUSTOMER};
	enum sweep_step step;

	if (a == NULL)
		return listing_end(b, s, "");
	account_row(a, &m.u.customer);
	step = listing_add(b, s, &m);
	if (step == SWEEP_MORE)
		s->account = a;
	return step;
}

static enum sweep_step
list_refusals(struct broker *b, struct sweep *s)
{
	uint64_t before = s->before;
	const struct row_refusal *row = s->admin == NULL
					    ? NULL
					    : recent_next(b->recent, &before);
	struct message m = {.type = MESSAGE_ROW_REFUSAL};
	enum sweep_step step;

	if (row == NULL)
		return listing_end(b, s, "");
	m.u.row_refusal = *row;
	step = listing_add(b, s, &m);
	if (step == SWEEP_MORE)
		s->before = before;
	return step;
}

static void
sum_waiters(const struct broker *b, struct row_status *row)
{
	for (struct account *a = accounts_next(b->accounts, NULL); a != NULL;
	     a = accounts_next(b->accounts, a)) {
		row->agents += a->agents;
		row->stones += a->stones;
	}
}

static int
tell_status(struct broker *b, struct conn *c)
{
	struct message m = {.type = MESSAGE_ROW_STATUS};
	struct row_status *row = &m.u.status;

	*row = b->totals;
	row->uptime = conn_uptime() - b->started;
	row->sessions = sessions_count(b->sessions);
	row->sealed = sessions_sealed(b->sessions);
	row->bare = sessions_bare(b->sessions);
	row->pid = (uint32_t)getpid();
	row->parked = b->parking.count;
	row->files = b->nconns;
	row->draining = (uint32_t)b->draining;
	row->log_level = (uint32_t)log_level();
	snprintf(row->version, sizeof(row->version), "%s", VERSION);
	sum_waiters(b, row);
	if (wire_send(c->fd, &m, NULL) == -1)
		return -1;
	conn_answer(b, c, 0, 1, "");
	return 0;
}

/* ---- kick ---- */

static int
is_meant(const struct conn *c, const struct sweep *s)
{
	char id[9];

	if (c->waiter.state == WAITER_ABSENT || c->kicked)
		return 0;
	log_id(id, c->session != NULL ? c->session->id : c->id);
	return strcmp(s->argument, id) == 0 ||
	       strcmp(s->argument, c->account->name) == 0 ||
	       (s->names_identity &&
		   certificate_is(c->certificate, &s->identity));
}

/* Whether c is one more that ends: the two of a session are one. */
static int
is_another(const struct conn *c)
{
	struct session *s = c->session;
	const int first = s == NULL || !s->kick_counted;

	if (s != NULL)
		s->kick_counted = 1;
	return first;
}

static enum sweep_step
kick_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL)
		return SWEEP_END;
	if (is_meant(c, s)) {
		s->count += (unsigned)is_another(c);
		evict_kick(
		    b, c, 403, "Ended by the administrator", "kicked", s->by);
	}
	return SWEEP_MORE;
}

static void
kick_done(struct broker *b, struct sweep *s)
{
	char text[ADMIN_TEXT_MAX];

	if (s->admin == NULL)
		return;
	snprintf(text, sizeof(text), "nobody here is %s", s->argument);
	conn_answer(
	    b, s->admin, s->count == 0, s->count, s->count == 0 ? text : "");
}

/* ---- log-level ---- */

static enum sweep_step
log_level_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);
	const struct message m = {.type = MESSAGE_LOG_LEVEL,
	    .u.log_level.level = (uint32_t)log_level()};

	if (c == NULL)
		return SWEEP_END;
	if (c->spawner ||
	    (c->parked == NULL && c->waiter.state != WAITER_ABSENT)) {
		s->count++;
		conn_tell(b, c, &m, NULL);
	}
	return SWEEP_MORE;
}

static void
log_level_done(struct broker *b, struct sweep *s)
{
	if (s->admin != NULL)
		conn_answer(b, s->admin, 0, s->count, "");
}

/* ---- requests ---- */

static void
start(struct broker *b, const struct sweep *s)
{
	if (sweep_start(b, s) == NULL)
		conn_answer(b, s->admin, 1, 0, "the broker is out of memory");
}

static void
start_listing(struct broker *b, struct sweep *s)
{
	s->step = s->command == ADMIN_CUSTOMERS ? list_accounts
		  : s->command == ADMIN_RECENT  ? list_refusals
						: list_conns;
	s->before = UINT64_MAX;
	s->rows = calloc(1, sizeof(*s->rows));
	if (s->rows != NULL && sweep_start(b, s) != NULL)
		return;
	free(s->rows);
	conn_answer(b, s->admin, 1, 0, "the broker is out of memory");
}

static void
await_reload(struct broker *b, struct conn *c)
{
	if (!c->awaits_reload)
		LIST_INSERT_HEAD(&b->awaiting, c, await);
	c->awaits_reload = 1;
	reload_all(b, NULL);
}

static void
set_log_level(struct broker *b, struct sweep *s)
{
	int level = log_level_parse(s->argument);

	if (level == -1) {
		conn_answer(b, s->admin, 1, 0,
		    "no such level: debug, info, notice, warning or err");
		return;
	}
	log_set_level(level);
	b->log_level_is_set = 1;
	s->step = log_level_step;
	s->done = log_level_done;
	start(b, s);
}

/* For whom c asks: itself, or an administrator at another relay. */
static const struct message_admin *
begin_request(struct sweep *s, const struct conn *c, const struct message *m)
{
	if (m->type == MESSAGE_ADMIN_FOR) {
		snprintf(s->by, sizeof(s->by), "admin:%s",
		    m->u.admin_for.administrator);
		return &m->u.admin_for.admin;
	}
	snprintf(s->by, sizeof(s->by), "%s", LOG_U64(c->who.uid));
	return &m->u.admin;
}

int
admin_take(struct broker *b, struct conn *c, const struct message *m)
{
	struct sweep s = {.admin = c};
	const struct message_admin *request = begin_request(&s, c, m);

	s.command = request->command;
	memcpy(s.argument, request->argument, sizeof(s.argument));
	if (c->sweep != NULL || c->awaits_reload) {
		errno = EPROTO; /* one request at a time */
		return -1;
	}
	switch ((enum admin_command)s.command) {
	case ADMIN_STATUS:
		return tell_status(b, c);
	case ADMIN_WAITERS:
	case ADMIN_SESSIONS:
	case ADMIN_CUSTOMERS:
	case ADMIN_RECENT:
		start_listing(b, &s);
		break;
	case ADMIN_KICK:
		s.names_identity = identity_parse(&s.identity, s.argument) == 0;
		s.step = kick_step;
		s.done = kick_done;
		start(b, &s);
		break;
	case ADMIN_DRAIN:
		evict_drain(b);
		conn_answer(b, c, 0, (unsigned)sessions_count(b->sessions), "");
		break;
	case ADMIN_RELOAD:
		await_reload(b, c);
		break;
	case ADMIN_LOG_LEVEL:
		set_log_level(b, &s);
		break;
	}
	return 0;
}
