/*
 * Who has to go: an administrator's kick, a customer whose time is over, a
 * table of customers that no longer has somebody, a drain. See state.h.
 */
#include "base/log.h"
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* ---- one ---- */

/* Who waits is never matched again, nor counted on as it is being parked. */
static void
leave_queue(struct broker *b, struct conn *c)
{
	struct waiter *stone = c->waiter.state == WAITER_PARKING
				   ? pairing_stone(&c->waiter)
				   : NULL;

	pairing_leave(b->pairing, &c->waiter);
	conn_count(c);
	reach_for(b, stone);
}

void
evict_kick(struct broker *b, struct conn *c, uint32_t status,
    const char *reason, const char *cause, const char *by)
{
	struct message m = {.type = MESSAGE_KICK};
	char hex[IDENTITY_HEX_SIZE];

	if (c->kicked || c->waiter.state == WAITER_ABSENT)
		return;
	c->kicked = 1;
	b->totals.kicked_total++;
	identity_hex(&c->certificate->identity, hex);
	log_event(LOG_NOTICE, "kicked", "id",
	    LOG_ID(c->session != NULL ? c->session->id : c->id), "customer",
	    c->account->name, "role",
	    c->waiter.role == ROLE_AGENT ? "agent" : "stone", "peer", c->peer,
	    "identity", hex, "cause", cause, "by", by, NULL);
	if (c->session != NULL && c->session->cause == NULL)
		c->session->cause = cause;
	note_refusal(b, c, REFUSAL_REMOVED, status, reason);
	if (c->parked != NULL) {
		parking_end(b, c, cause);
		return;
	}
	/* a session counts until it ends */
	if (c->waiter.state == WAITER_WAITING ||
	    c->waiter.state == WAITER_HELD || c->waiter.state == WAITER_PARKING)
		leave_queue(b, c);
	m.u.kick.status = status;
	snprintf(m.u.kick.reason, sizeof(m.u.kick.reason), "%s", reason);
	conn_tell(b, c, &m, NULL);
}

/* c's certificate belongs to another customer, to, from now on. */
static void
move_customer(struct broker *b, struct conn *c, struct account *to,
    const struct customer_key *key)
{
	int has_slot;

	if (c->waiter.state != WAITER_IN_SESSION) {
		evict_kick(b, c, 503, "This customer's terms have changed",
		    "customer-changed", NULL);
		return;
	}
	has_slot = c->waiter.has_slot;
	pairing_leave(b->pairing, &c->waiter);
	conn_count(c);
	c->account = to;
	if (pairing_announce(b->pairing, &c->waiter, key, has_slot) == -1) {
		conn_drop(b, c);
		return;
	}
	if (c->session != NULL) {
		c->session->key = *key;
		c->session->customer = to->name;
	}
	conn_count(c);
}

void
evict_review(struct broker *b, struct conn *c)
{
	const struct customer_entry *e;
	struct customer_key key;
	struct account *account;

	if (c->kicked || c->waiter.state == WAITER_ABSENT)
		return;
	e = customers_find(b->customers, c->certificate);
	account = accounts_get(b->accounts, e->name);
	if (!e->grant.allow)
		evict_kick(b, c, 403, "This customer is not allowed",
		    "not-allowed", NULL);
	else if ((uint64_t)time(NULL) >= e->grant.customer.expire)
		evict_kick(
		    b, c, 403, "This customer's time is over", "expired", NULL);
	else if (c->parked != NULL && parking_expired(b, c))
		evict_kick(b, c, 403, "Certificate: certificate has expired",
		    "certificate-expired", NULL);
	else if (account != NULL && account != c->account) {
		customers_key(&key, e, &c->certificate->identity);
		move_customer(b, c, account, &key);
	}
}

/* ---- those whose customer's time is over ---- */

void
evict_arm(struct broker *b)
{
	struct itimerspec at = {0};
	const struct customer_entry *e;
	uint64_t now = (uint64_t)time(NULL), next = UINT32_MAX;

	if (b->parking.first_end < next)
		next = b->parking.first_end + 1;
	for (size_t i = 0; (e = customers_at(b->customers, i)) != NULL; i++)
		if (e->grant.customer.expire > now &&
		    e->grant.customer.expire < next)
			next = e->grant.customer.expire;
	at.it_value.tv_sec = (time_t)next;
	/* CANCEL_ON_SET: it also rings where somebody sets the clock */
	if (timerfd_settime(b->timer,
		TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) == -1)
		log_event(LOG_ERR, "no-timer", "error", strerror(errno), NULL);
}

static enum sweep_step
review_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL)
		return SWEEP_END;
	evict_review(b, c);
	return SWEEP_MORE;
}

/* Each parked poll has said anew when it ends. */
static void
review_done(struct broker *b, struct sweep *s)
{
	(void)s;
	evict_arm(b);
}

void
evict_expire(struct broker *b)
{
	const struct sweep s = {.step = review_step, .done = review_done};
	uint64_t times;

	/* the count does not matter, nor ECANCELED: the clock was set */
	if (read(b->timer, &times, sizeof(times)) == -1 && errno == EAGAIN)
		return;
	if (sweep_start(b, &s) != NULL)
		b->parking.first_end = UINT64_MAX;
	else
		log_event(LOG_ERR, "no-review", "error", strerror(errno), NULL);
	evict_arm(b);
}

/* ---- all stones ---- */

static enum sweep_step
drain_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL)
		return SWEEP_END;
	if (c->parked != NULL)
		parking_end(b, c, "drained");
	else if (c->waiter.role == ROLE_STONE &&
		 (c->waiter.state == WAITER_WAITING ||
		     c->waiter.state == WAITER_HELD))
		evict_kick(b, c, 503, "The relay is draining", "drained", NULL);
	return SWEEP_MORE;
}

void
evict_drain(struct broker *b)
{
	const struct sweep s = {.step = drain_step};

	if (b->draining)
		return;
	b->draining = 1;
	log_event(LOG_NOTICE, "draining", "sessions",
	    LOG_U64(sessions_count(b->sessions)), NULL);
	presence_drain(b);
	/* without memory for it they wait for match_timeout, and in vain */
	sweep_start(b, &s);
}
