/* What another relay has to see of a stone: see carried.h. */
#include "connection/carried.h"

#include <string.h>

int
carried_has_proof(const struct relay_conf *conf)
{
	return conf->npeers > 0 && conf->keyd != NULL;
}

/* Makes der longer. Returns where the new bytes are, or NULL. */
static uint8_t *
add(struct handler *h, size_t len)
{
	const size_t now = h->der_len + h->chain_len;
	uint8_t *all = OPENSSL_realloc(h->der, now + len);

	if (all == NULL)
		return NULL;
	h->der = all;
	return all + now;
}

static void
take_chain(struct handler *h)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(h->tls.ssl);
	size_t len = 0;
	uint8_t *at;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		int n = i2d_X509(sk_X509_value(chain, i), NULL);

		if (n <= 0)
			return;
		len += (size_t)n;
	}
	if (len == 0 || h->der_len + len > MESSAGE_DER_MAX)
		return;
	at = add(h, len);
	if (at == NULL)
		return;
	for (int i = 0; i < sk_X509_num(chain); i++)
		i2d_X509(sk_X509_value(chain, i), &at);
	h->chain_len = (uint32_t)len;
}

/* What has not proved anything to relay-keyd here does not there. */
static void
take_proof(struct handler *h, const struct transcript *t)
{
	uint8_t *at;

	if (!voucher_is_there(h->voucher) || t->len > MESSAGE_PROOF_MAX)
		return;
	at = add(h, t->len);
	if (at == NULL)
		return;
	memcpy(at, t->bytes, t->len);
	h->proof_len = (uint32_t)t->len;
}

void
carried_take(struct handler *h, const struct transcript *t)
{
	h->chain_len = h->proof_len = 0;
	if (h->conf->npeers == 0)
		return;
	take_chain(h);
	if (carried_has_proof(h->conf))
		take_proof(h, t);
}

void
carried_drop(struct handler *h)
{
	uint8_t *less;

	if (h->chain_len == 0 && h->proof_len == 0)
		return;
	h->chain_len = h->proof_len = 0;
	h->registration.self.chain_len = h->registration.self.proof_len = 0;
	less = OPENSSL_realloc(h->der, h->der_len);
	if (less != NULL)
		h->registration.der = h->der = less;
}
