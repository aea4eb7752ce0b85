/*
 * The messages of a handshake as relay-keyd reads them (tls/transcript_read.c):
 * what is taken lies within its bytes, in order; and who has not signed it is
 * told so, whatever it is (keyd/proof.c), and so is who was no relay of ours
 * (keyd/witness.c).
 */
#include "fuzz.h"
#include "keyd/proof.h"
#include "keyd/witness.h"

#include <string.h>

static void
check_within(const uint8_t *data, size_t size, const uint8_t *at, size_t len)
{
	MUST(at >= data && len <= size && (size_t)(at - data) <= size - len);
}

/* A copy of what was signed, so that the client's part is reached, too. */
static void
check_signed(const uint8_t *data, size_t size, const struct transcript_parts *p)
{
	static struct signed_memory memory;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const size_t n = transcript_hash(p, p->server_end, hash);
	struct transcript_parts again;
	struct sign_request r;
	struct sign_answer a = {.length = (uint32_t)p->server.len};

	MUST(n == 32 || n == 48);
	MUST(proof_check(&memory, 1, 0, data, size, &again) != NULL);
	if (p->server.len > sizeof(a.signature))
		return;
	sign_request_make(&r, p->server.scheme, SIGN_SERVER, hash, n);
	memcpy(a.signature, p->server.bytes, p->server.len);
	MUST(proof_note(&memory, 1, 1, &r, &a) == 0);
	MUST(proof_check(&memory, 2, 0, data, size, &again) != NULL);
	proof_check(&memory, 1, 0, data, size, &again);
	MUST(proof_check(&memory, 1, 0, data, size, &again) != NULL);
}

/* The server's certificates lie one behind the other, before its signature. */
static void
check_chain(const uint8_t *data, const struct transcript_parts *p)
{
	struct transcript_certificates c = p->chain;
	const uint8_t *der;
	size_t len, last = c.len;

	while (transcript_certificate(&c, &der, &len) == 1) {
		MUST(len > 0 && c.len < last);
		check_within(data, p->server_end, der, len);
		last = c.len;
	}
}

/* A relay that trusts nobody, and has no certificate to compare with. */
static void
check_witness(
    const uint8_t *data, size_t size, const struct transcript_parts *p)
{
	static const struct keys none;
	static struct witness w;
	struct transcript_parts again;

	if (w.store == NULL) {
		MUST(witness_check(&w, &none, 0, data, size, &again) != NULL);
		w = (struct witness){
		    .own = X509_new(), .store = X509_STORE_new()};
		MUST(w.own != NULL && w.store != NULL);
	}
	MUST(witness_check(&w, &none, (time_t)p->time, data, size, &again) !=
	     NULL);
	MUST(witness_check(
		 &w, &none, (time_t)p->time + 1, data, size, &again) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transcript_parts p;

	if (size > TRANSCRIPT_MAX || transcript_read(&p, data, size) != NULL)
		return 0;
	MUST(p.retry < p.server_end && p.server_end < p.client_end &&
	     p.client_end < size);
	check_within(data, size, p.leaf, p.leaf_len);
	check_within(data, size, p.server.bytes, p.server.len);
	check_within(data, size, p.client.bytes, p.client.len);
	MUST(p.leaf_len > 0 && p.leaf < data + p.client_end &&
	     p.leaf >= data + p.server_end);
	check_chain(data, &p);
	check_witness(data, size, &p);
	check_signed(data, size, &p);
	return 0;
}
