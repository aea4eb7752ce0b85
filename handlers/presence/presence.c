/* relay-presence's loop: see presence.h. */
#define _GNU_SOURCE
#include "presence/presence.h"
#include "base/deadline.h"
#include "base/log.h"
#include "connection/registration.h"
#include "presence/lookup.h"
#include "presence/publisher.h"
#include "presence/store.h"
#include "presence/usage.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

/* Milliseconds between two of what the broker is told of the store. */
#define REPORT_MS 2000

struct loop {
	struct presence *p;
	struct registration broker;
	int attached;  /* to the broker, as it was last seen */
	int withdrawn; /* it is away for so long that nobody is here */
	struct store store;
	struct publisher publisher;
	struct lookups lookups;
	struct usage usage;
	struct message_store reported;
	int64_t report_at;
	int done;
};

/* ---- for the others ---- */

static void
tell(void *owner, const struct message *m)
{
	struct loop *l = owner;

	registration_tell(&l->broker, m);
}

static void
greet(void *owner)
{
	struct loop *l = owner;

	publisher_greet(&l->publisher);
}

static void
anew(void *owner)
{
	struct loop *l = owner;

	usage_tell_all(&l->usage);
}

static void
report(struct loop *l)
{
	struct message m = {.type = MESSAGE_STORE};
	struct message_store *s = &m.u.store;

	l->report_at = deadline_in(REPORT_MS);
	s->up = l->store.state == STORE_UP;
	s->published = l->publisher.published;
	s->lookups_total = l->lookups.total;
	s->lookup_failures_total = l->lookups.failures;
	if (memcmp(s, &l->reported, sizeof(*s)) == 0)
		return;
	l->reported = *s;
	registration_tell(&l->broker, &m);
}

static void
changed(void *owner)
{
	struct loop *l = owner;

	l->report_at = deadline_now();
	l->lookups.leases_at = deadline_now();
}

/* ---- reload ---- */

/* Returns 0, or -1 with a reason in f: then all stays as it is. */
static int
load_again(struct loop *l, struct failure *f)
{
	struct presence *p = l->p;
	const int64_t now = deadline_now();
	struct settings old, fresh;

	if (settings_load(&fresh, p->conf_path, f) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", f->text, NULL);
		return -1;
	}
	old = p->settings;
	p->settings = fresh;
	memset(l->lookups.epochs, 0, sizeof(l->lookups.epochs));
	l->lookups.leases_at = now;
	if (!settings_same_store(&old, &fresh))
		store_restart(&l->store, &p->settings);
	settings_free(&old);
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	l->broker.loaded = now;
	l->broker.socket = p->settings.conf.socket;
	log_event(LOG_NOTICE, "reloaded", NULL);
	return 0;
}

static void
recheck(struct loop *l)
{
	struct message answer = {.type = MESSAGE_RECHECKED};
	struct failure why;

	answer.u.rechecked.verdict = RECHECK_GOOD;
	if (load_again(l, &why) == -1) {
		answer.u.rechecked.verdict = RECHECK_FAILED;
		snprintf(answer.u.rechecked.reason,
		    sizeof(answer.u.rechecked.reason), "%.*s",
		    ADMIN_TEXT_MAX - 1, why.text);
	}
	registration_tell(&l->broker, &answer);
}

/* ---- the broker ---- */

static void
obey(struct loop *l, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_PARTY:
		publisher_note(
		    &l->publisher, &m->u.party.key, (int)m->u.party.here);
		usage_note(&l->usage, &m->u.party.key, m->u.party.held);
		break;
	case MESSAGE_ALL_TOLD:
		publisher_all_told(&l->publisher);
		usage_all_told(&l->usage);
		break;
	case MESSAGE_ADMIT:
		usage_admit(&l->usage, &m->u.admit);
		break;
	case MESSAGE_ASK:
		lookups_ask(&l->lookups, &m->u.ask);
		break;
	case MESSAGE_LEFT:
		lookups_leave(&l->lookups, m->u.left.id);
		break;
	case MESSAGE_RECHECK:
		recheck(l);
		break;
	case MESSAGE_LOG_LEVEL:
		log_set_level((int)m->u.log_level.level);
		break;
	default:
		break;
	}
}

static void
hear_broker(struct loop *l)
{
	static struct wire_packet packet;

	while (registration_receive(&l->broker, &packet)) {
		wire_close_fds(&packet);
		do
			obey(l, &packet.message);
		while (wire_next(&packet) == 1);
	}
}

/*
 * Without a broker no stone meets an agent here: none is led to it. Sessions go
 * on.
 */
static void
withdraw(struct loop *l)
{
	if (l->withdrawn)
		return;
	l->withdrawn = 1;
	publisher_begin(&l->publisher);
	publisher_all_told(&l->publisher);
}

/* A broker that has begun anew tells all, and asks anew. */
static void
attach(struct loop *l)
{
	if (l->broker.fd == -1 && l->attached) {
		l->attached = 0;
		lookups_forget(&l->lookups);
		usage_forget(&l->usage);
	}
	registration_connect(&l->broker);
	if (registration_missing(&l->broker)) {
		registration_complain(&l->broker);
		withdraw(l);
	}
	if (l->broker.fd == -1 || l->attached)
		return;
	l->attached = 1;
	l->withdrawn = 0;
	publisher_begin(&l->publisher);
	usage_begin(&l->usage);
	memset(&l->reported, 0, sizeof(l->reported));
	report(l);
}

/* ---- the loop ---- */

static void
obey_signals(struct loop *l)
{
	struct signalfd_siginfo info;
	struct failure why;

	while (read(l->p->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGHUP)
			load_again(l, &why);
		else
			l->done = 1;
}

static int64_t
next(const struct loop *l)
{
	int64_t due = deadline_first(
	    registration_due(&l->broker), store_due(&l->store));

	due = deadline_first(due, publisher_due(&l->publisher));
	due = deadline_first(due, lookups_due(&l->lookups));
	due = deadline_first(due, usage_due(&l->usage));
	return deadline_first(due, l->report_at);
}

static void
turn(struct loop *l)
{
	struct pollfd pfd[3] = {
	    {.fd = l->p->signals, .events = POLLIN},
	    {.fd = l->broker.fd, .events = POLLIN},
	    {.fd = l->store.link.fd, .events = store_events(&l->store)},
	};

	if (poll(pfd, 3, deadline_left(next(l))) <= 0)
		pfd[0].revents = pfd[1].revents = pfd[2].revents = 0;
	store_turn(&l->store, pfd[2].revents);
	hear_broker(l);
	attach(l);
	publisher_turn(&l->publisher);
	lookups_turn(&l->lookups);
	usage_turn(&l->usage);
	if (deadline_left(l->report_at) == 0)
		report(l);
	if (pfd[0].revents != 0)
		obey_signals(l);
}

int
presence_run(struct presence *p)
{
	static struct loop l;

	l.p = p;
	l.store.owner = l.lookups.owner = l.usage.owner = l.publisher
							      .owner = &l;
	l.store.greet = greet;
	l.store.changed = changed;
	l.publisher.anew = anew;
	l.lookups.tell = l.usage.tell = tell;
	store_init(&l.store, &p->settings);
	lookups_init(&l.lookups, &l.store, &p->settings);
	usage_init(&l.usage, &l.store, &p->settings, l.publisher.epoch);
	if (publisher_init(&l.publisher, &l.store, &p->settings) == -1) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	registration_init_spawner(&l.broker, p->settings.conf.socket,
	    ATTACH_PRESENCE, p->loaded, p->badge);
	while (!l.done)
		turn(&l);
	store_free(&l.store);
	lookups_forget(&l.lookups);
	publisher_free(&l.publisher);
	usage_free(&l.usage);
	registration_close(&l.broker);
	return EX_OK;
}
