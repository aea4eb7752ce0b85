/*
 * The messages of a handshake as relay-keyd reads them (tls/transcript_read.c):
 * what is taken lies within its bytes, in order; and who has not signed it is
 * told so, whatever it is (keyd/proof.c).
 */
#include "fuzz.h"
#include "keyd/proof.h"

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
	check_signed(data, size, &p);
	return 0;
}
