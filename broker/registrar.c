/* What handlers and spawners say: see state.h. */
#include "base/container.h"
#include "base/log.h"
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

/* ---- what handlers say ---- */

/* What a verdict tells the client. */
static const struct refusal {
	uint32_t status;
	const char *reason;
} refusals[] = {
    [PAIRING_NO_MEMORY] = {503, "The relay is out of memory"},
    [PAIRING_TOO_MANY] = {429, "Too many wait with this certificate"},
    [PAIRING_NUSERS] = {429, "All sessions of this customer are in use"},
    [PAIRING_MAX_AGENTS] = {429, "All agents of this customer are here"},
    [PAIRING_EXPIRED] = {403, "This customer's time is over"},
    [PAIRING_NOT_ALLOWED] = {403, "This customer is not allowed"},
    [PAIRING_TYPE] = {403, "This customer's type does not include this"},
};

/* The certificate in der, which is read where it is not known. */
static const struct certificate *
certificate_of(struct broker *b, const uint8_t *der, size_t len)
{
	const struct certificate *known;
	struct certificate certificate;
	struct identity fingerprint;

	if (certificate_fingerprint(&fingerprint, der, len) == -1)
		return NULL;
	known = certificate_set_take(b->certificates, &fingerprint);
	if (known != NULL || certificate_read(&certificate, der, len) == -1)
		return known;
	return certificate_set_add(b->certificates, &certificate);
}

const struct customer_entry *
registrar_recognize(struct broker *b, struct conn *c, struct customer_key *key,
    const uint8_t *der, size_t len)
{
	const struct customer_entry *entry;

	certificate_set_give_back(b->certificates, c->certificate);
	c->certificate = certificate_of(b, der, len);
	if (c->certificate == NULL)
		return NULL;
	entry = customers_find(b->customers, c->certificate);
	customers_key(key, entry, &c->certificate->identity);
	c->account = accounts_get(b->accounts, entry->name);
	return c->account == NULL ? NULL : entry;
}

/* Random, so that it stays apart from those of an earlier broker. */
static uint32_t
new_id(uint32_t earlier)
{
	uint32_t id = earlier;

	while (id == 0)
		if (getrandom(&id, sizeof(id), 0) == -1)
			return 0;
	return id;
}

static int
welcome(const struct broker *b, struct conn *c,
    const struct customer_entry *entry, const struct message *m)
{
	struct message answer = {.type = MESSAGE_WELCOME};

	answer.u.welcome.id = c->id;
	answer.u.welcome.present = (uint32_t)b->nconns;
	answer.u.welcome.park_after = parking_after(b);
	answer.u.welcome.log_level = b->log_level_is_set ? (uint32_t)log_level()
							 : LOG_LEVEL_OWN;
	if (customer_format(&entry->grant.customer, m->der, m->u.reg.der_len,
		answer.u.welcome.customer) == -1)
		return -1;
	return wire_send(c->fd, &answer, NULL);
}

/* Two agents with different targets: whom a stone meets, chance decides. */
static void
tell_rival(const struct conn *c)
{
	struct waiter *other = pairing_rival(&c->waiter);
	char hex[IDENTITY_HEX_SIZE];

	if (other == NULL)
		return;
	identity_hex(&c->certificate->identity, hex);
	log_event(LOG_WARNING, "two-agents", "customer", c->account->name,
	    "identity", hex, "peer", c->peer, "other",
	    CONTAINER_OF(other, struct conn, waiter)->peer, NULL);
}

/*
 * Whether c's client is who it says, by relay-keyd (proof_demand); but for an
 * agent at another relay, which has seen to that, relay-peer's word is enough.
 * dispatch lets no other user name a relay; where handlers have no user of
 * their own, it could be one of them.
 */
static int
is_proven(struct broker *b, struct conn *c, const uint8_t *voucher,
    const uint8_t *der, size_t len)
{
	if (c->waiter.forwarded && c->waiter.role == ROLE_AGENT &&
	    c->may_spawn && b->handler_uid != b->own_uid)
		return 1;
	return proof_demand(b, c, voucher, der, len) == 0;
}

/* A stone of another relay: both have to mean the same customer. */
static int
means_another(const struct customer_key *key, const struct message_register *r)
{
	return r->key.text[0] != '\0' &&
	       memcmp(&r->key, key, sizeof(*key)) != 0;
}

/*
 * An agent at another relay has come for a stone. That may have found another
 * meanwhile, or left: no fault of anybody.
 */
static int
on_meet(struct broker *b, struct conn *c, const struct customer_entry *entry,
    const struct customer_key *key, const struct message *m)
{
	struct conn *stone = b->draining ? NULL
					 : reach_stone(b, m->u.reg.meets);

	if (stone == NULL || stone->kicked ||
	    !pairing_meet(b->pairing, &c->waiter, &stone->waiter, key)) {
		errno = ENOENT;
		return -1;
	}
	c->id = new_id(0);
	conn_count(c);
	conn_count(stone);
	if (welcome(b, c, entry, m) == -1) {
		joining_wait_again(b, stone);
		return -1;
	}
	joining_pair(b, c, stone);
	return 0;
}

static enum verdict
enter(struct broker *b, struct conn *c, const struct customer_entry *entry,
    const struct customer_key *key)
{
	const uint64_t now = (uint64_t)time(NULL);
	const enum verdict verdict = pairing_enter(
	    b->pairing, &c->waiter, key, &entry->grant, now);

	if (verdict != PAIRING_MAX_AGENTS && verdict != PAIRING_TOO_MANY)
		return verdict;
	parked_signs_hear(b); /* who is gone does not count */
	return pairing_enter(b->pairing, &c->waiter, key, &entry->grant, now);
}

/*
 * c has entered: it meets who waits, or an agent is sought elsewhere. Stones
 * may have counted on one that was woken, and it may meet another than these.
 */
static void
begin_to_wait(struct broker *b, struct conn *c, uint32_t nusers, int woken)
{
	if (quota_ask(b, c, nusers))
		return;
	if (woken)
		reach_for(b, pairing_stone(&c->waiter));
	joining_match(b, c);
	reach_begin(b, c);
}

static int
on_register(struct broker *b, struct conn *c, const struct message *m)
{
	const struct customer_entry *entry;
	struct customer_key key;
	enum verdict verdict;
	int woken;

	if (c->waiter.state != WAITER_ABSENT || c->kicked)
		return -1;
	c->waiter.role = (enum role)m->u.reg.role;
	c->waiter.agent = m->u.reg.agent;
	c->waiter.wants = m->u.reg.wants;
	c->since = conn_uptime();
	memcpy(c->peer, m->u.reg.peer, sizeof(c->peer));
	memcpy(c->node, m->u.reg.node, sizeof(c->node));
	c->waiter.forwarded = c->node[0] != '\0';
	entry = registrar_recognize(b, c, &key, m->der, m->u.reg.der_len);
	if (entry == NULL)
		return -1;
	if (!is_proven(b, c, m->u.reg.voucher, m->der, m->u.reg.der_len))
		return 0;
	if (m->u.reg.meets != 0)
		return on_meet(b, c, entry, &key, m);
	if (means_another(&key, &m->u.reg)) {
		conn_refuse(b, c, REFUSAL_RELAY, 503,
		    "The relays' tables of customers differ");
		return 0;
	}
	if (b->draining && c->waiter.role == ROLE_STONE) {
		conn_refuse(b, c, REFUSAL_RELAY, 503, "The relay is draining");
		return 0;
	}
	woken = waking_ends(b, &key, m->u.reg.id);
	verdict = enter(b, c, entry, &key);
	if (verdict != PAIRING_WAIT) {
		conn_refuse(b, c,
		    verdict == PAIRING_NO_MEMORY ? REFUSAL_RELAY
						 : REFUSAL_LIMIT,
		    refusals[verdict].status, refusals[verdict].reason);
		return 0;
	}
	c->id = new_id(m->u.reg.id);
	conn_count(c);
	tell_rival(c);
	if (welcome(b, c, entry, m) == -1)
		return -1;
	/* who was woken has shown its certificate just now */
	if ((m->u.reg.id != 0 && !woken) || conn_uptime() < b->reload.fresh_at)
		reload_recheck(b, c);
	if (c->dropped)
		return 0;
	reach_note(b, c, m);
	begin_to_wait(b, c, entry->grant.customer.nusers, woken);
	return 0;
}

/* The same answer, to who does not wait: how many do is not its fault. */
static int
on_check(struct broker *b, struct conn *c, const struct message *m)
{
	const struct customer_entry *entry;
	struct customer_key key;
	enum verdict verdict;

	if (c->waiter.state != WAITER_ABSENT || c->kicked)
		return -1;
	memcpy(c->peer, m->u.reg.peer, sizeof(c->peer));
	entry = registrar_recognize(b, c, &key, m->der, m->u.reg.der_len);
	if (entry == NULL)
		return -1;
	if (proof_demand(b, c, m->u.reg.voucher, m->der, m->u.reg.der_len) ==
	    -1)
		return 0;
	verdict = pairing_judge(&entry->grant, (uint64_t)time(NULL));
	if (verdict == PAIRING_WAIT)
		return welcome(b, c, entry, m);
	conn_refuse(b, c, REFUSAL_LIMIT, refusals[verdict].status,
	    refusals[verdict].reason);
	return 0;
}

static int
on_announce(struct broker *b, struct conn *c, const struct message *m)
{
	const struct message_announce *a = &m->u.announce;
	struct session_side *side;
	struct customer_key key;
	struct session *s;
	int forwarded;

	if (c->waiter.state != WAITER_ABSENT)
		return -1;
	c->waiter.role = (enum role)a->role;
	c->since = conn_uptime();
	memcpy(c->peer, a->peer, sizeof(c->peer));
	memcpy(c->node, a->node, sizeof(c->node));
	c->waiter.forwarded = c->node[0] != '\0';
	if (registrar_recognize(b, c, &key, m->der, a->der_len) == NULL)
		return -1;
	if (!is_proven(b, c, a->voucher, m->der, a->der_len))
		return 0;
	s = session_announced(
	    b->sessions, a->session, &key, c->account->name, a->started);
	if (s == NULL)
		return -1;
	side = session_side(s, c->waiter.role);
	forwarded = c->waiter.forwarded && c->waiter.role == ROLE_STONE;
	if (side->conn != NULL || pairing_announce(b->pairing, &c->waiter, &key,
				      !forwarded && s->agent.conn == NULL &&
					  s->stone.conn == NULL) == -1)
		return -1;
	if (forwarded && s->agent.conn != NULL) {
		pairing_give_back(b->pairing, &s->agent.conn->waiter);
		conn_count(s->agent.conn);
	}
	c->id = new_id(a->id);
	session_note(
	    b->sessions, s, c->waiter.role, a->bytes_in, a->bytes_out, a->tls);
	joining_enter(c, s);
	/* it knows nothing of what has changed meanwhile */
	evict_review(b, c);
	if (!c->dropped)
		reload_recheck(b, c);
	return 0;
}

static int
on_attach(struct broker *b, struct conn *c, const struct message_attach *a)
{
	const struct message m = {.type = MESSAGE_LOG_LEVEL,
	    .u.log_level.level = (uint32_t)log_level()};

	if (c->waiter.state != WAITER_ABSENT || c->spawner)
		return -1;
	c->spawner = (int)a->kind;
	if (a->kind == ATTACH_SPAWNER) {
		b->totals.spawners++;
		b->totals.spawner = (uint32_t)c->who.pid;
	}
	if (b->log_level_is_set && wire_send(c->fd, &m, NULL) == -1)
		return -1;
	if (a->kind == ATTACH_SPAWNER)
		waking_begin(b);
	/* it may have missed a change, and let in whom that keeps out */
	if (a->loaded <= (uint64_t)b->reload.read_at)
		reload_all(b, NULL);
	if (a->kind == ATTACH_PEER && !c->dropped)
		reach_attach(b, c);
	if (a->kind == ATTACH_PRESENCE && !c->dropped)
		presence_attach(b, c);
	return 0;
}

int
registrar_take(struct broker *b, struct conn *c, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_REGISTER:
		return on_register(b, c, m);
	case MESSAGE_CHECK:
		return on_check(b, c, m);
	case MESSAGE_WAIT_AGAIN:
		return joining_call_off(b, c, &m->u.wait_again);
	case MESSAGE_PROGRESS:
		return joining_progress(b, c, &m->u.progress);
	case MESSAGE_LINK:
		c->about = m->u.link;
		return 0;
	case MESSAGE_VIEW:
		return view_take(b, c, m);
	case MESSAGE_END:
		return joining_end(b, c, &m->u.end);
	case MESSAGE_ANNOUNCE:
		return on_announce(b, c, m);
	case MESSAGE_RECHECKED:
		reload_rechecked(b, c, &m->u.rechecked);
		return 0;
	case MESSAGE_REFUSAL:
		return note_told(b, c, &m->u.refusal);
	case MESSAGE_PARK:
		return parking_begin(b, c);
	case MESSAGE_ATTACH:
		return on_attach(b, c, &m->u.attach);
	case MESSAGE_UNREACHED:
		if (c != b->peer)
			break;
		reach_unreached(b, m);
		return 0;
	case MESSAGE_ANSWER:
	case MESSAGE_ADMITTED:
	case MESSAGE_STORE:
		return presence_take(b, c, m);
	case MESSAGE_RELOAD:
		if (!c->spawner)
			break;
		reload_all(b, c);
		return 0;
	default:
		break;
	}
	errno = EPROTO;
	return -1;
}
