/* The messages between a handler and the broker: see message.h. */
#include "ipc/message.h"
#include "ipc/parked_signs.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

const char *
session_tls_word(uint32_t tls)
{
	if ((tls & SESSION_BARE) != 0)
		return "bare";
	return (tls & SESSION_SEALED) != 0 ? "sealed" : "none";
}

static const size_t body_size[] = {
    [MESSAGE_REGISTER] = sizeof(struct message_register),
    [MESSAGE_WELCOME] = sizeof(struct message_welcome),
    [MESSAGE_REFUSED] = sizeof(struct message_refused),
    [MESSAGE_MATCHED] = sizeof(struct message_matched),
    [MESSAGE_WAIT_AGAIN] = sizeof(struct message_wait_again),
    [MESSAGE_END] = sizeof(struct message_end),
    [MESSAGE_ANNOUNCE] = sizeof(struct message_announce),
    [MESSAGE_PROGRESS] = sizeof(struct message_progress),
    [MESSAGE_KICK] = sizeof(struct message_kick),
    [MESSAGE_RECHECK] = sizeof(struct message_recheck),
    [MESSAGE_RECHECKED] = sizeof(struct message_rechecked),
    [MESSAGE_LOG_LEVEL] = sizeof(struct message_log_level),
    [MESSAGE_ATTACH] = sizeof(struct message_attach),
    [MESSAGE_RELOAD] = sizeof(struct message_reload),
    [MESSAGE_ADMIN] = sizeof(struct message_admin),
    [MESSAGE_ROW_STATUS] = sizeof(struct row_status),
    [MESSAGE_ROW_WAITER] = sizeof(struct row_waiter),
    [MESSAGE_ROW_SESSION] = sizeof(struct row_session),
    [MESSAGE_ROW_CUSTOMER] = sizeof(struct row_customer),
    [MESSAGE_ADMIN_DONE] = sizeof(struct message_admin_done),
    [MESSAGE_READY] = sizeof(struct message_ready),
    [MESSAGE_HANDOFF] = sizeof(struct message_handoff),
    [MESSAGE_REFUSAL] = sizeof(struct message_refusal),
    [MESSAGE_ROW_REFUSAL] = sizeof(struct row_refusal),
    [MESSAGE_LINK] = sizeof(struct message_link),
    [MESSAGE_VIEW] = sizeof(struct message_view),
    [MESSAGE_CHECK] = sizeof(struct message_register),
    [MESSAGE_PARK] = sizeof(struct message_park),
    [MESSAGE_PARK_OK] = sizeof(struct message_park_ok),
    [MESSAGE_PARKED] = sizeof(struct message_parked),
    [MESSAGE_WAKE] = sizeof(struct message_wake),
    [MESSAGE_REACH] = sizeof(struct message_reach),
    [MESSAGE_LEFT] = sizeof(struct message_left),
    [MESSAGE_PARTY] = sizeof(struct message_party),
    [MESSAGE_ALL_TOLD] = sizeof(struct message_all_told),
    [MESSAGE_ASK] = sizeof(struct message_ask),
    [MESSAGE_ANSWER] = sizeof(struct message_answer),
    [MESSAGE_STORE] = sizeof(struct message_store),
    [MESSAGE_UNREACHED] = sizeof(struct message_unreached),
    [MESSAGE_ADMIT] = sizeof(struct message_admit),
    [MESSAGE_ADMITTED] = sizeof(struct message_admitted),
    [MESSAGE_ADMIN_FOR] = sizeof(struct message_admin_for),
};

#define NTYPES (sizeof(body_size) / sizeof(*body_size))

static int
terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* An address as base/netaddr.h writes it, or "": it is shown, and written on.
 */
static int
valid_peer(const char *text, size_t size)
{
	static const char address[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    ".:[]%-_";

	return terminated(text, size) && text[strspn(text, address)] == '\0';
}

/* What people read: no control characters, and none of another language. */
static int
plain(const char *text, size_t size)
{
	if (!terminated(text, size))
		return 0;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return 0;
	return 1;
}

static int
valid_der(uint32_t der_len, uint32_t chain_len)
{
	return der_len >= 1 && der_len <= MESSAGE_DER_MAX &&
	       chain_len <= MESSAGE_DER_MAX - der_len;
}

static int
valid_role(uint32_t role)
{
	return role == ROLE_AGENT || role == ROLE_STONE;
}

/* What another relay is to see is of a stone that is here. */
static int
valid_proof(const struct message_register *r)
{
	return r->proof_len == 0 ||
	       (r->proof_len <= MESSAGE_PROOF_MAX && r->role == ROLE_STONE &&
		   r->node[0] == '\0');
}

/* An agent of another relay comes for one stone, and no other agent does. */
static int
valid_register(const struct message_register *r)
{
	return valid_role(r->role) && valid_der(r->der_len, r->chain_len) &&
	       valid_proof(r) && valid_peer(r->peer, sizeof(r->peer)) &&
	       node_name_good(r->node, sizeof(r->node)) &&
	       terminated(r->key.text, sizeof(r->key.text)) &&
	       (r->meets != 0) == (r->role == ROLE_AGENT && r->node[0] != '\0');
}

static int
valid_status(uint32_t status)
{
	return status >= 400 && status <= 599;
}

static int
valid_tls(uint32_t tls)
{
	return (tls & ~(uint32_t)(SESSION_SEALED | SESSION_BARE)) == 0;
}

#define TERMINATED(field) terminated((field), sizeof(field))
#define PEER(field)       valid_peer((field), sizeof(field))
#define PLAIN(field)      plain((field), sizeof(field))
#define NODE(field)       node_name_good((field), sizeof(field))

/* Names of relays, as many as it says, and nothing behind them. */
static int
valid_nodes(const struct message_nodes *nodes)
{
	static const char none[NODE_NAME_SIZE];

	if (nodes->count > REACH_NODES_MAX)
		return 0;
	for (uint32_t i = 0; i < REACH_NODES_MAX; i++)
		if (!NODE(nodes->names[i]) ||
		    (memcmp(nodes->names[i], none, sizeof(none)) != 0) !=
			(i < nodes->count))
			return 0;
	return 1;
}

static int
valid_answer(const struct message_answer *a)
{
	return a->verdict >= ANSWER_FOUND && a->verdict <= ANSWER_UNKNOWN &&
	       (a->verdict == ANSWER_FOUND) == (a->nodes.count > 0) &&
	       valid_nodes(&a->nodes);
}

static int
valid_admin(const struct message_admin *a)
{
	return a->command >= ADMIN_STATUS && a->command <= ADMIN_RECENT &&
	       TERMINATED(a->argument);
}

static int
valid_row(const struct message *m)
{
	switch (m->type) {
	case MESSAGE_ROW_STATUS:
		return TERMINATED(m->u.status.version);
	case MESSAGE_ROW_WAITER:
		return TERMINATED(m->u.waiter.customer) &&
		       TERMINATED(m->u.waiter.peer) &&
		       TERMINATED(m->u.waiter.version) &&
		       m->u.waiter.parked < WAITER_PARKED_KINDS;
	case MESSAGE_ROW_SESSION:
		return TERMINATED(m->u.session.customer) &&
		       TERMINATED(m->u.session.stone) &&
		       TERMINATED(m->u.session.agent) &&
		       NODE(m->u.session.stone_node) &&
		       NODE(m->u.session.agent_node) &&
		       TERMINATED(m->u.session.version);
	case MESSAGE_ROW_CUSTOMER:
		return TERMINATED(m->u.customer.name);
	case MESSAGE_ADMIN:
		return valid_admin(&m->u.admin);
	case MESSAGE_ADMIN_FOR:
		return valid_admin(&m->u.admin_for.admin) &&
		       admin_may_cross(m->u.admin_for.admin.command) &&
		       m->u.admin_for.administrator[0] != '\0' &&
		       NODE(m->u.admin_for.administrator);
	case MESSAGE_ROW_REFUSAL:
		return m->u.row_refusal.kind >= 1 &&
		       m->u.row_refusal.kind <= REFUSAL_KINDS &&
		       TERMINATED(m->u.row_refusal.customer) &&
		       PEER(m->u.row_refusal.peer) &&
		       PLAIN(m->u.row_refusal.reason);
	case MESSAGE_ADMIN_DONE:
		return TERMINATED(m->u.admin_done.text);
	case MESSAGE_PARTY:
		return TERMINATED(m->u.party.key.text);
	default:
		return 0;
	}
}

/* The one place that says what the fields of a message may hold. */
static int
valid(const struct message *m)
{
	switch (m->type) {
	case MESSAGE_REGISTER:
	case MESSAGE_CHECK:
		return valid_register(&m->u.reg);
	case MESSAGE_WELCOME:
		return m->u.welcome.log_level <= LOG_LEVEL_OWN &&
		       TERMINATED(m->u.welcome.customer);
	case MESSAGE_REFUSED:
		return valid_status(m->u.refused.status) &&
		       TERMINATED(m->u.refused.reason);
	case MESSAGE_END:
		return m->u.end.reason >= END_DONE &&
		       m->u.end.reason <= END_CERTIFICATE &&
		       valid_tls(m->u.end.tls);
	case MESSAGE_ANNOUNCE:
		return valid_role(m->u.announce.role) &&
		       valid_der(m->u.announce.der_len, 0) &&
		       PEER(m->u.announce.peer) && NODE(m->u.announce.node) &&
		       valid_tls(m->u.announce.tls);
	case MESSAGE_PROGRESS:
		return valid_tls(m->u.progress.tls);
	case MESSAGE_KICK:
		return valid_status(m->u.kick.status) &&
		       TERMINATED(m->u.kick.reason);
	case MESSAGE_RECHECKED:
		return m->u.rechecked.verdict >= RECHECK_GOOD &&
		       m->u.rechecked.verdict <= RECHECK_FAILED &&
		       TERMINATED(m->u.rechecked.reason);
	case MESSAGE_LOG_LEVEL:
		return m->u.log_level.level <= LOG_DEBUG;
	case MESSAGE_RECHECK:
		return m->u.recheck.size <= TRUST_MAX;
	case MESSAGE_REFUSAL:
		return m->u.refusal.kind >= 1 &&
		       m->u.refusal.kind <= REFUSAL_KINDS &&
		       (m->u.refusal.status == 0 ||
			   valid_status(m->u.refusal.status)) &&
		       PEER(m->u.refusal.peer) && PLAIN(m->u.refusal.reason);
	case MESSAGE_VIEW:
		return valid_der(m->u.view.der_len, 0);
	case MESSAGE_REACH:
		return valid_der(m->u.reach.der_len, m->u.reach.chain_len) &&
		       m->u.reach.proof_len <= MESSAGE_PROOF_MAX &&
		       TERMINATED(m->u.reach.key.text) &&
		       valid_nodes(&m->u.reach.nodes) && PEER(m->u.reach.peer);
	case MESSAGE_ASK:
		return TERMINATED(m->u.ask.key.text);
	case MESSAGE_ANSWER:
		return valid_answer(&m->u.answer);
	case MESSAGE_ADMIT:
		return TERMINATED(m->u.admit.key.text);
	case MESSAGE_ADMITTED:
		return m->u.admitted.verdict >= ADMIT_GRANTED &&
		       m->u.admitted.verdict <= ADMIT_UNKNOWN;
	case MESSAGE_ATTACH:
		return m->u.attach.kind >= ATTACH_SPAWNER &&
		       m->u.attach.kind <= ATTACH_PRESENCE;
	case MESSAGE_UNREACHED:
		return NODE(m->u.unreached.node);
	case MESSAGE_LINK:
		return PLAIN(m->u.link.version);
	case MESSAGE_WAKE:
		return m->u.wake.cut < PARKED_SIGN_SIZE && PEER(m->u.wake.peer);
	case MESSAGE_MATCHED:
	case MESSAGE_WAIT_AGAIN:
	case MESSAGE_LEFT:
	case MESSAGE_ALL_TOLD:
	case MESSAGE_STORE:
	case MESSAGE_RELOAD:
	case MESSAGE_READY:
	case MESSAGE_HANDOFF:
	case MESSAGE_PARK:
	case MESSAGE_PARK_OK:
	case MESSAGE_PARKED:
		return 1;
	default:
		return valid_row(m);
	}
}

/* What may be one of many in a packet. */
static int
is_row(uint16_t type)
{
	return (type >= MESSAGE_ROW_STATUS && type <= MESSAGE_ROW_CUSTOMER) ||
	       type == MESSAGE_ROW_REFUSAL || type == MESSAGE_PARTY;
}

static uint32_t
der_length(const struct message *m)
{
	if (m->type == MESSAGE_REGISTER || m->type == MESSAGE_CHECK)
		return m->u.reg.der_len + m->u.reg.chain_len +
		       m->u.reg.proof_len;
	if (m->type == MESSAGE_REACH)
		return m->u.reach.der_len + m->u.reach.chain_len +
		       m->u.reach.proof_len;
	if (m->type == MESSAGE_ANNOUNCE)
		return m->u.announce.der_len;
	if (m->type == MESSAGE_VIEW)
		return m->u.view.der_len;
	return 0;
}

ptrdiff_t
message_encode(const struct message *m, uint8_t *buf, size_t size)
{
	struct message_header h = {MESSAGE_VERSION, (uint16_t)m->type, 0};
	size_t body, der;

	if (!valid(m)) {
		errno = EINVAL;
		return -1;
	}
	body = body_size[m->type];
	der = der_length(m);
	h.length = (uint32_t)(sizeof(h) + body + der);
	if (size < h.length) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &m->u, body);
	if (der > 0)
		memcpy(buf + sizeof(h) + body, m->der, der);
	return (ptrdiff_t)h.length;
}

ptrdiff_t
message_decode(struct message *m, const uint8_t *buf, size_t len)
{
	struct message_header h;
	size_t body;

	if (len < sizeof(h))
		goto bad;
	memcpy(&h, buf, sizeof(h));
	if (h.version != MESSAGE_VERSION || h.type < 1 || h.type >= NTYPES ||
	    h.length > len || (h.length < len && !is_row(h.type)))
		goto bad;
	body = body_size[h.type];
	if (h.length < sizeof(h) + body)
		goto bad;
	memset(m, 0, sizeof(*m));
	m->type = (enum message_type)h.type;
	memcpy(&m->u, buf + sizeof(h), body);
	if (!valid(m) || h.length != sizeof(h) + body + der_length(m))
		goto bad;
	if (der_length(m) > 0)
		m->der = buf + sizeof(h) + body;
	return (ptrdiff_t)h.length;
bad:
	errno = EPROTO;
	return -1;
}

size_t
message_fds(const struct message *m)
{
	switch (m->type) {
	case MESSAGE_MATCHED:
		return 2; /* hop_fds.h */
	case MESSAGE_READY:
	case MESSAGE_HANDOFF:
	case MESSAGE_ATTACH:
	case MESSAGE_PARKED:
	case MESSAGE_WAKE:
		return 1;
	case MESSAGE_RECHECK:
		return m->u.recheck.size > 0 ? 1 : 0;
	default:
		return 0;
	}
}
