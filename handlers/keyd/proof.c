/* Whose handshake it was: see proof.h. */
#include "keyd/proof.h"
#include "keyd/signer.h"

#include <openssl/evp.h>

/*
 * It is the signature that tells a handshake from all others, too: to sign the
 * same hash again, for who has kept messages, makes another one.
 */
static int
digest(uint8_t what[static SIGNED_BYTES], const struct sign_request *r,
    const uint8_t *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL &&
		 EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(ctx, &r->scheme, sizeof(r->scheme)) == 1 &&
		 EVP_DigestUpdate(ctx, r->message, r->length) == 1 &&
		 EVP_DigestUpdate(ctx, signature, len) == 1 &&
		 EVP_DigestFinal_ex(ctx, what, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

int
proof_note(struct signed_memory *m, pid_t pid, int64_t until,
    const struct sign_request *r, const struct sign_answer *a)
{
	uint8_t what[SIGNED_BYTES];

	if (digest(what, r, a->signature, a->length) == -1)
		return -1;
	signed_note(m, pid, until, what);
	return 0;
}

static int
was_signed(struct signed_memory *m, pid_t pid, int64_t now,
    const struct transcript_parts *p)
{
	uint8_t hash[EVP_MAX_MD_SIZE], what[SIGNED_BYTES];
	const size_t n = transcript_hash(p, p->server_end, hash);
	struct sign_request r;

	if (n == 0)
		return 0;
	sign_request_make(&r, p->server.scheme, SIGN_SERVER, hash, n);
	return digest(what, &r, p->server.bytes, p->server.len) == 0 &&
	       signed_take(m, pid, now, what);
}

const char *
proof_check(struct signed_memory *m, pid_t pid, int64_t now,
    const uint8_t *transcript, size_t len, struct transcript_parts *p)
{
	const char *wrong = transcript_read(p, transcript, len);

	if (wrong != NULL)
		return wrong;
	if (!was_signed(m, pid, now, p))
		return "it did not sign this for this process, or not just now";
	return signer_check_client(p);
}
