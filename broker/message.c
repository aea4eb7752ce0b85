/* The messages between a handler and the broker: see message.h. */
#include "message.h"

#include <errno.h>
#include <string.h>

static const size_t body_size[] = {
    [MESSAGE_REGISTER] = sizeof(struct message_register),
    [MESSAGE_WELCOME] = sizeof(struct message_welcome),
    [MESSAGE_REFUSED] = sizeof(struct message_refused),
    [MESSAGE_MATCHED] = sizeof(struct message_matched),
    [MESSAGE_WAIT_AGAIN] = sizeof(struct message_wait_again),
    [MESSAGE_END] = sizeof(struct message_end),
    [MESSAGE_ANNOUNCE] = sizeof(struct message_announce),
};

#define NTYPES (sizeof(body_size) / sizeof(*body_size))

static int
terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int
valid_certificate(uint32_t role, uint32_t der_len)
{
	return (role == ROLE_AGENT || role == ROLE_STONE) && der_len >= 1 &&
	       der_len <= MESSAGE_DER_MAX;
}

/* The one place that says what the fields of a message may hold. */
static int
valid(const struct message *m)
{
	switch (m->type) {
	case MESSAGE_REGISTER:
		return valid_certificate(m->u.reg.role, m->u.reg.der_len) &&
		       terminated(m->u.reg.peer, sizeof(m->u.reg.peer));
	case MESSAGE_WELCOME:
		return terminated(
		    m->u.welcome.customer, sizeof(m->u.welcome.customer));
	case MESSAGE_REFUSED:
		return m->u.refused.status >= 400 &&
		       m->u.refused.status <= 599 &&
		       terminated(
			   m->u.refused.reason, sizeof(m->u.refused.reason));
	case MESSAGE_MATCHED:
		return terminated(m->u.matched.peer, sizeof(m->u.matched.peer));
	case MESSAGE_WAIT_AGAIN:
		return 1;
	case MESSAGE_END:
		return m->u.end.reason >= END_DONE &&
		       m->u.end.reason <= END_UNCONFIRMED;
	case MESSAGE_ANNOUNCE:
		return valid_certificate(
			   m->u.announce.role, m->u.announce.der_len) &&
		       m->u.announce.reserved == 0 &&
		       terminated(
			   m->u.announce.peer, sizeof(m->u.announce.peer));
	}
	return 0;
}

static uint32_t
der_length(const struct message *m)
{
	if (m->type == MESSAGE_REGISTER)
		return m->u.reg.der_len;
	if (m->type == MESSAGE_ANNOUNCE)
		return m->u.announce.der_len;
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

int
message_decode(struct message *m, const uint8_t *buf, size_t len)
{
	struct message_header h;
	size_t body;

	if (len < sizeof(h))
		goto bad;
	memcpy(&h, buf, sizeof(h));
	if (h.version != MESSAGE_VERSION || h.length != len || h.type < 1 ||
	    h.type >= NTYPES)
		goto bad;
	body = body_size[h.type];
	if (len < sizeof(h) + body)
		goto bad;
	memset(m, 0, sizeof(*m));
	m->type = (enum message_type)h.type;
	memcpy(&m->u, buf + sizeof(h), body);
	if (!valid(m) || len != sizeof(h) + body + der_length(m))
		goto bad;
	if (der_length(m) > 0)
		m->der = buf + sizeof(h) + body;
	return 0;
bad:
	errno = EPROTO;
	return -1;
}
