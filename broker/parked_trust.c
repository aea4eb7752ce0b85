/* Whether the certificates of parked polls are still good: see parking.h. */
#include "ipc/trust_bundle.h"
#include "state.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

static void
note_authorities(struct parking *p, const struct trust_bundle_file *ca)
{
	uint8_t sha256[EVP_MAX_MD_SIZE];

	if (EVP_Digest(ca->at, ca->len, sha256, NULL, EVP_sha256(), NULL) ==
		1 &&
	    memcmp(sha256, p->authorities_sha256,
		sizeof(p->authorities_sha256)) == 0)
		return;
	p->authorities++;
	memcpy(p->authorities_sha256, sha256, sizeof(p->authorities_sha256));
}

void
parking_renew(struct broker *b)
{
	struct parking *p = &b->parking;
	struct trust_bundle trust;

	/* without it who is in stays in, as with handlers */
	if (b->trust == -1 ||
	    trust_bundle_read(&trust, b->trust, b->trust_size) == -1)
		return;
	revocations_free(&p->revoked);
	if (revocations_read(&p->revoked, trust.crl.at, trust.crl.len) == -1)
		p->authorities++; /* so everyone has to prove it anew */
	note_authorities(p, &trust.ca);
	trust_bundle_free(&trust);
}

int
parking_recheck(struct broker *b, struct conn *c)
{
	const struct parked *p = c->parked;

	if (p->authorities != b->parking.authorities)
		return 0;
	for (size_t i = 0; i < PARK_CHAIN_MAX && p->chain[i] != 0; i++)
		if (revocations_have(&b->parking.revoked, p->chain[i]))
			return 0;
	return 1;
}

int
parking_expired(struct broker *b, const struct conn *c)
{
	const uint64_t end = c->parked->not_after;

	if ((uint64_t)time(NULL) > end)
		return 1;
	if (end < b->parking.first_end)
		b->parking.first_end = end;
	return 0;
}
