/* What both directions of a crossing have in common: see crossing.h. */
#include "peer/crossing.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/certificate.h"
#include "connection/broker_orders.h"
#include "peer/frame.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CHAIN_DEPTH 3 /* as in tls/tls.c */
#define LINGER_MS   500

int
crossing_subject(struct reverify_subject *subject, const struct offer *o)
{
	const unsigned char *at = o->der;
	const unsigned char *const end = at + o->der_len + o->chain_len;

	*subject = (struct reverify_subject){.depth = CHAIN_DEPTH - 1};
	subject->leaf = d2i_X509(NULL, &at, (long)o->der_len);
	subject->chain = sk_X509_new_null();
	if (subject->leaf == NULL || subject->chain == NULL ||
	    at != o->der + o->der_len)
		goto fail;
	while (at < end) {
		X509 *above = d2i_X509(NULL, &at, end - at);

		if (above == NULL)
			goto fail;
		if (sk_X509_push(subject->chain, above) == 0) {
			X509_free(above);
			goto fail;
		}
	}
	return 0;
fail:
	reverify_free(subject);
	*subject = (struct reverify_subject){.leaf = NULL};
	return -1;
}

/* When the first of the certificates ends. */
static time_t
first_end(const struct reverify_subject *subject)
{
	time_t first = validity_end(subject->leaf);

	for (int i = 0; i < sk_X509_num(subject->chain); i++) {
		time_t end = validity_end(sk_X509_value(subject->chain, i));

		if (end < first)
			first = end;
	}
	return first;
}

int
crossing_init(struct handler *h, const struct relay_conf *conf, enum role role,
    const char *node, const char *peer, const struct offer *o)
{
	struct certificate certificate;

	h->conf = conf;
	h->role = role;
	if (certificate_read(&certificate, o->der, o->der_len) == -1 ||
	    crossing_subject(&h->subject, o) == -1) {
		errno = EINVAL;
		return -1;
	}
	identity_hex(&certificate.identity, h->identity);
	snprintf(h->peer, sizeof(h->peer), "%s", peer);
	h->not_after = first_end(&h->subject);
	h->expires = deadline_in(
	    (int64_t)(h->not_after - time(NULL) + 1) * 1000);
	registration_init(&h->registration, conf->socket, role,
	    role == ROLE_STONE ? o->wants : 0, 0, peer, o->der, o->der_len);
	snprintf(h->registration.self.node, sizeof(h->registration.self.node),
	    "%s", node);
	return 0;
}

int
crossing_listen(
    struct handler *h, struct wire_packet *packet, int other, int64_t deadline)
{
	for (;;) {
		struct pollfd pfd[2] = {
		    {.fd = h->registration.fd, .events = POLLIN},
		    {.fd = other, .events = POLLIN},
		};

		if (registration_receive(&h->registration, packet)) {
			if (packet->message.type != MESSAGE_MATCHED &&
			    broker_orders_obey(h, packet))
				return -1;
			return (int)packet->message.type;
		}
		if (h->registration.fd == -1)
			return -1;
		if (poll(pfd, 2, deadline_left(deadline)) <= 0 ||
		    pfd[1].revents != 0)
			return 0;
	}
}

int
crossing_join(struct handler *h, const struct wire_packet *packet)
{
	return hop_open(&h->hop, packet->fds[WIRE_SOCKET],
	    packet->fds[WIRE_MEMORY], h->role);
}

int
crossing_is_newest(const struct handler *h)
{
	static const char newest[] = FRAME_ALPN_NEWEST;
	const unsigned char *chosen;
	unsigned len;

	SSL_get0_alpn_selected(h->tls.ssl, &chosen, &len);
	return len == strlen(newest) && memcmp(chosen, newest, len) == 0;
}

int
crossing_can_go_bare(const struct handler *h)
{
	return h->conf->bare == BARE_YES && crossing_is_newest(h);
}

ssize_t
crossing_hop_read(struct handler *h, enum hop_type plain,
    enum hop_type with_mark, void *buf, size_t size, int64_t deadline)
{
	for (;;) {
		struct pollfd pfd = {.fd = h->hop.fd, .events = POLLIN};
		enum hop_type type;
		ssize_t n = hop_receive(&h->hop, &type, buf, size);

		if (n >= 0) {
			h->hop.marked = type != plain;
			return type == plain || type == with_mark ? n : -1;
		}
		if (errno != EAGAIN ||
		    poll(&pfd, 1, deadline_left(deadline)) <= 0)
			return -1;
	}
}

void
crossing_run(struct handler *h)
{
	if (run_splicing(h) == BARE)
		run_bare(h);
}

void
crossing_close(struct handler *h)
{
	registration_close(&h->registration);
	hop_close(&h->hop);
	reverify_free(&h->subject);
	h->subject = (struct reverify_subject){.leaf = NULL};
}

void
crossing_refuse(struct channel *ch, enum refused_scope scope, int status,
    const char *reason)
{
	struct refused r = {
	    .scope = (uint16_t)scope, .status = (uint16_t)status};
	uint8_t out[REFUSED_MAX];

	snprintf(r.reason, sizeof(r.reason), "%s", reason);
	if (frame_send(ch, FRAME_REFUSED, out, refused_encode(&r, out),
		deadline_in(CROSSING_SEND_MS)) == 0)
		channel_linger(ch, deadline_in(LINGER_MS));
}
