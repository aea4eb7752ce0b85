/* What is in OPEN and REFUSED: see offer.h. */
#include "peer/offer.h"

#include <arpa/inet.h>
#include <string.h>

#define NAMES (NETADDR_TEXT_MAX + sizeof(struct customer_key))

/* What stands before the certificates. */
static size_t
fixed(uint32_t version)
{
	return (version == 1 ? 28 : 32) + NAMES;
}

static uint8_t *
put(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static const uint8_t *
get(const uint8_t *at, uint32_t *value)
{
	memcpy(value, at, sizeof(*value));
	*value = ntohl(*value);
	return at + sizeof(*value);
}

size_t
offer_encode(const struct offer *o, uint8_t out[static OFFER_MAX])
{
	const size_t len = o->der_len + o->chain_len +
			   (o->version == 1 ? 0 : o->proof_len);
	uint8_t *at = put(out, o->version);

	at = put(at, 0); /* flags: none yet */
	at = put(at, o->id);
	at = put(at, o->wants);
	at = put(at, o->wait_ms);
	at = put(at, o->der_len);
	at = put(at, o->chain_len);
	if (o->version != 1)
		at = put(at, o->proof_len);
	memcpy(at, o->peer, sizeof(o->peer));
	memcpy(at + sizeof(o->peer), &o->key, sizeof(o->key));
	memcpy(out + fixed(o->version), o->der, len);
	return fixed(o->version) + len;
}

/* The text in size bytes, which are zero behind it: it is a hash's key. */
static int
padded(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == 0 || len == size)
		return 0;
	for (; len < size; len++)
		if (text[len] != '\0')
			return 0;
	return 1;
}

/* Whether the broker would take it as well. */
static int
acceptable(const struct offer *o)
{
	struct message m = {.type = MESSAGE_REACH, .der = o->der};
	uint8_t out[MESSAGE_MAX];

	m.u.reach.der_len = o->der_len;
	m.u.reach.chain_len = o->chain_len;
	m.u.reach.proof_len = o->proof_len;
	m.u.reach.key = o->key;
	memcpy(m.u.reach.peer, o->peer, sizeof(o->peer));
	return padded(o->key.text, sizeof(o->key.text)) &&
	       message_encode(&m, out, sizeof(out)) != -1;
}

int
offer_decode(struct offer *o, const uint8_t *buf, size_t len)
{
	const uint8_t *at;
	uint32_t flags;

	if (len < fixed(1))
		return -1;
	at = get(buf, &o->version);
	if (o->version < 1 || o->version > OFFER_VERSION ||
	    len < fixed(o->version))
		return -1;
	at = get(at, &flags);
	at = get(at, &o->id);
	at = get(at, &o->wants);
	at = get(at, &o->wait_ms);
	at = get(at, &o->der_len);
	at = get(at, &o->chain_len);
	o->proof_len = 0;
	if (o->version != 1)
		at = get(at, &o->proof_len);
	memcpy(o->peer, at, sizeof(o->peer));
	memcpy(&o->key, at + sizeof(o->peer), sizeof(o->key));
	o->der = buf + fixed(o->version);
	if (flags != 0 || o->der_len > MESSAGE_DER_MAX ||
	    o->chain_len > MESSAGE_DER_MAX ||
	    o->proof_len > MESSAGE_PROOF_MAX ||
	    len != fixed(o->version) + o->der_len + o->chain_len + o->proof_len)
		return -1;
	if (o->wait_ms > OFFER_WAIT_MAX)
		o->wait_ms = OFFER_WAIT_MAX;
	return acceptable(o) ? 0 : -1;
}

size_t
refused_encode(const struct refused *r, uint8_t out[static REFUSED_MAX])
{
	const size_t len = strnlen(r->reason, sizeof(r->reason));
	const uint16_t scope = htons(r->scope), status = htons(r->status);

	memcpy(out, &scope, sizeof(scope));
	memcpy(out + 2, &status, sizeof(status));
	memcpy(out + 4, r->reason, len);
	return 4 + len;
}

int
refused_decode(struct refused *r, const uint8_t *buf, size_t len)
{
	if (len < 4 || len - 4 >= sizeof(r->reason))
		return -1;
	memset(r, 0, sizeof(*r));
	memcpy(&r->scope, buf, sizeof(r->scope));
	memcpy(&r->status, buf + 2, sizeof(r->status));
	r->scope = ntohs(r->scope);
	r->status = ntohs(r->status);
	memcpy(r->reason, buf + 4, len - 4);
	for (size_t i = 0; i < len - 4; i++)
		if (r->reason[i] < ' ' || r->reason[i] > '~')
			return -1;
	return r->scope >= REFUSED_NODE && r->scope <= REFUSED_STONE &&
		       r->status >= 400 && r->status <= 599
		   ? 0
		   : -1;
}
