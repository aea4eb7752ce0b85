/*
 * Files read again, by the broker and by everyone who is connected to it. The
 * broker itself never looks into a certificate: it hands the authorities and
 * the list of the revoked to each handler, as bytes, and that checks its own
 * client's. See state.h.
 */
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "sweep.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#define GIVE_UP_SECONDS 5  /* a stopped handler answers never */
#define SPAWNER_SECONDS 60 /* for one to come back, reconnect.h, and more */

/*
 * Who was admitted by older files may still be on its way: it has all of its
 * time-outs to register. A handler that finds a broker again takes longer.
 */
#define LATE_SECONDS 10

/* A name that was found stays found: in the sandbox less can be looked up. */
static int
find_admin_group(const struct broker *b, const struct relay_conf *conf,
    gid_t *gid, struct failure *f)
{
	const struct group *gr;

	*gid = (gid_t)-1;
	if (conf->admin_group == NULL)
		return 0;
	if (b->conf.admin_group != NULL &&
	    strcmp(b->conf.admin_group, conf->admin_group) == 0) {
		*gid = b->admin_gid;
		return 0;
	}
	gr = getgrnam(conf->admin_group);
	if (gr == NULL)
		return failure(
		    f, "admin_group %s: no such group", conf->admin_group);
	*gid = gr->gr_gid;
	return 0;
}

static void
note_error(struct broker *b, const char *text)
{
	if (b->reload.error[0] == '\0')
		snprintf(b->reload.error, sizeof(b->reload.error), "%.*s",
		    ADMIN_TEXT_MAX - 1, text);
}

/* Where it can't be read, who is in stays in, unchecked. */
static void
renew_trust(struct broker *b, const struct relay_conf *conf)
{
	struct failure f;

	fd_close(&b->trust);
	b->trust = trust_bundle_write(conf, &b->trust_size, &f);
	parking_renew(b);
	if (b->trust != -1)
		return;
	log_event(LOG_ERR, "no-recheck", "error", f.text, NULL);
	note_error(b, f.text);
}

int
reload_files(struct broker *b, struct failure *f)
{
	struct customers *customers;
	struct relay_conf conf;
	gid_t gid;

	b->reload.read_at = deadline_now();
	if (relay_conf_read(&conf, b->conf_path, f) == -1) {
		/* who is revoked has to go all the same */
		if (b->customers != NULL)
			renew_trust(b, &b->conf);
		return -1;
	}
	renew_trust(b, &conf);
	customers = customers_read(conf.customers, f);
	if (customers == NULL || find_admin_group(b, &conf, &gid, f) == -1)
		goto fail;
	if (accounts_bind(b->accounts, customers) == -1) {
		failure(f, "customers: %s", strerror(errno));
		goto fail;
	}
	customers_free(b->customers);
	relay_conf_free(&b->conf);
	b->customers = customers;
	b->conf = conf;
	b->admin_gid = gid;
	evict_arm(b);
	if (filewatch_set(&b->crl, b->conf.crl) == -1)
		log_event(LOG_WARNING, "not-watched", "file", b->conf.crl,
		    "error", strerror(errno), NULL);
	return 0;
fail:
	customers_free(customers);
	relay_conf_free(&conf);
	return -1;
}

/* ---- everyone checks again ---- */

/* It has no handler that could: the broker knows enough to end it. */
static void
recheck_parked(struct broker *b, struct conn *c)
{
	if (parking_recheck(b, c)) {
		b->reload.good++;
		return;
	}
	b->reload.bad++;
	note_refusal(
	    b, c, REFUSAL_REMOVED, 403, "The certificate is no longer good");
	parking_end(b, c, "revoked");
}

void
reload_recheck(struct broker *b, struct conn *c)
{
	const struct message m = {.type = MESSAGE_RECHECK,
	    .u.recheck.size = c->spawner ? 0 : b->trust_size};

	if (c->parked != NULL) {
		recheck_parked(b, c);
		return;
	}
	if (c->kicked || (!c->spawner && (c->waiter.state == WAITER_ABSENT ||
					     b->trust == -1)))
		return;
	if (conn_tell(b, c, &m, c->spawner ? NULL : &b->trust) == -1)
		return;
	c->owed++;
	b->reload.owed++;
}

static enum sweep_step
recheck_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL)
		return SWEEP_END;
	evict_review(b, c);
	if (!c->dropped && c != s->asks)
		reload_recheck(b, c);
	return SWEEP_MORE;
}

void
reload_rechecked(
    struct broker *b, struct conn *c, const struct message_rechecked *m)
{
	if (c->owed == 0)
		return;
	c->owed--;
	b->reload.owed--;
	switch (m->verdict) {
	case RECHECK_GOOD:
		b->reload.good++;
		break;
	case RECHECK_BAD:
		b->reload.bad++;
		/* who waits is told why, and its handler says so itself */
		if (c->session != NULL)
			note_refusal(b, c, REFUSAL_REMOVED, 403,
			    "The certificate is no longer good");
		if (c->session != NULL && c->session->cause == NULL)
			c->session->cause = c->waiter.role == ROLE_AGENT
						? "agent-certificate"
						: "stone-certificate";
		break;
	default:
		b->reload.failed++;
		note_error(b, m->reason);
	}
}

/*
 * Whether a spawner may be about that an earlier broker had and that has not
 * come back yet. Handlers that xinetd starts read their files themselves.
 */
static int
awaits_spawner(const struct broker *b)
{
	return b->totals.spawners == 0 &&
	       (b->conf.nlisten > 0 || b->conf.handoff != NULL) &&
	       conn_uptime() < b->started + SPAWNER_SECONDS;
}

static void
answer(struct broker *b, const char *summary)
{
	struct reload_state *r = &b->reload;
	struct conn *c;

	if (awaits_spawner(b))
		note_error(b, "no relay-listen is attached: when it is, it "
			      "reads its files again");
	while ((c = LIST_FIRST(&b->awaiting)) != NULL) {
		LIST_REMOVE(c, await);
		c->awaits_reload = 0;
		conn_answer(b, c, r->error[0] != '\0',
		    r->good + r->bad + r->failed,
		    r->error[0] != '\0' ? r->error : summary);
	}
}

void
reload_settle(struct broker *b)
{
	struct reload_state *r = &b->reload;
	char text[ADMIN_TEXT_MAX];
	unsigned silent = r->owed;

	if (r->give_up == 0 || (silent > 0 && conn_uptime() < r->give_up))
		return;
	r->give_up = 0;
	if (silent > 0)
		note_error(b, "not all handlers have answered");
	snprintf(text, sizeof(text), "%u checked, %u ended%s", r->good + r->bad,
	    r->bad, b->totals.spawners == 0 ? ", no relay-listen" : "");
	if (r->error[0] != '\0')
		b->totals.reload_failures_total++;
	log_event(r->error[0] == '\0' ? LOG_NOTICE : LOG_ERR,
	    r->error[0] == '\0' ? "reloaded" : "reload-failed", "good",
	    LOG_U64(r->good), "ended", LOG_U64(r->bad), "failed",
	    LOG_U64(r->failed), "silent", LOG_U64(silent), "error", r->error,
	    NULL);
	answer(b, text);
}

static void begin(struct broker *b, const struct conn *asks);

static void
recheck_done(struct broker *b, struct sweep *s)
{
	(void)s;
	if (b->reload.again) {
		b->reload.again = 0;
		begin(b, NULL);
		return;
	}
	b->reload.sweeping = 0;
	b->reload.give_up = conn_uptime() + GIVE_UP_SECONDS;
	reload_settle(b);
}

static void
begin(struct broker *b, const struct conn *asks)
{
	const struct sweep s = {
	    .step = recheck_step, .done = recheck_done, .asks = asks};
	struct reload_state *r = &b->reload;
	struct failure f;

	/*
	 * One that is still under way becomes part of this: whom it ended, and
	 * the answers that are still to come, count here.
	 */
	if (!r->sweeping && r->give_up == 0)
		r->bad = 0;
	r->sweeping = 1;
	r->give_up = 0;
	r->good = r->failed = 0;
	r->error[0] = '\0';
	r->fresh_at = conn_uptime() + b->conf.tls_timeout +
		      b->conf.head_timeout + LATE_SECONDS;
	b->totals.reloads_total++;
	if (reload_files(b, &f) == -1)
		note_error(b, f.text);
	if (sweep_start(b, &s) == NULL) {
		note_error(b, strerror(errno));
		r->again = 0;
		recheck_done(b, NULL);
	}
}

void
reload_all(struct broker *b, const struct conn *asks)
{
	b->crl_at = DEADLINE_NONE; /* it is read with all else */
	/* while everyone is being asked, all who want it get one more */
	if (b->reload.sweeping)
		b->reload.again = 1;
	else
		begin(b, asks);
}
