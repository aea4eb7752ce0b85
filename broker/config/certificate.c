/* The encodings of one certificate: see certificate.h. */
#include "config/certificate.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <string.h>

#define INTEGER    0x02
#define BIT_STRING 0x03
#define SEQUENCE   0x30
#define VERSION_0  0xa0 /* [0] EXPLICIT */

#define ORDER_MAX     66 /* bytes of the order of P-521 */
#define SIGNATURE_MAX (2 * (ORDER_MAX + 4) + 8)

struct span {
	const uint8_t *at;
	size_t len;
};

/* An element: all of it, and what is inside. */
struct element {
	struct span all, inside;
};

/* The parts of a certificate (RFC 5280 4.1). */
struct parts {
	struct span signed_part;
	struct span algorithm; /* with its tag */
	struct span signature; /* of the BIT STRING, without its first byte */
};

/* ---- strict DER ---- */

/* Takes an element from the front of rest. Returns 0, or -1: not strict. */
static int
take(struct span *rest, uint8_t tag, struct element *e)
{
	const uint8_t *at = rest->at;
	size_t head = 2, len;

	if (rest->len < 2 || at[0] != tag)
		return -1;
	len = at[1];
	if (len > 0x80) {
		size_t n = len & 0x7f;

		if (n > 3 || rest->len < 2 + n || at[2] == 0)
			return -1;
		len = 0;
		for (size_t i = 0; i < n; i++)
			len = len << 8 | at[2 + i];
		if (len < 0x80)
			return -1;
		head += n;
	} else if (len == 0x80) {
		return -1; /* BER: until a mark */
	}
	if (len > rest->len - head)
		return -1;
	e->all = (struct span){at, head + len};
	e->inside = (struct span){at + head, len};
	rest->at += head + len;
	rest->len -= head + len;
	return 0;
}

static int
same(const struct span *a, const struct span *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static int
parse(struct parts *p, const uint8_t *der, size_t len)
{
	struct span rest = {der, len}, in;
	struct element certificate, tbs, outer, bits, e;

	if (take(&rest, SEQUENCE, &certificate) == -1 || rest.len != 0)
		return -1;
	rest = certificate.inside;
	if (take(&rest, SEQUENCE, &tbs) == -1 ||
	    take(&rest, SEQUENCE, &outer) == -1 ||
	    take(&rest, BIT_STRING, &bits) == -1 || rest.len != 0)
		return -1;
	in = tbs.inside;
	if (in.len > 0 && in.at[0] == VERSION_0 &&
	    take(&in, VERSION_0, &e) == -1)
		return -1;
	if (take(&in, INTEGER, &e) == -1 || take(&in, SEQUENCE, &e) == -1 ||
	    !same(&e.all, &outer.all))
		return -1;
	/* its first byte: how many bits of the last are not used */
	if (bits.inside.len < 2 || bits.inside.at[0] != 0)
		return -1;
	p->signed_part = tbs.all;
	p->algorithm = outer.all;
	p->signature = (struct span){bits.inside.at + 1, bits.inside.len - 1};
	return 0;
}

/* A positive integer, which begins with a zero only where it has to. */
static int
take_positive(struct span *rest, struct element *e)
{
	const uint8_t *at;

	if (take(rest, INTEGER, e) == -1 || e->inside.len == 0)
		return -1;
	at = e->inside.at;
	if ((at[0] & 0x80) != 0 ||
	    (at[0] == 0 && (e->inside.len == 1 || (at[1] & 0x80) == 0)))
		return -1;
	return 0;
}

/* ---- ECDSA ---- */

/* ecdsa-with-SHA1 (1.2.840.10045.4.1), or -with-SHA2 (...4.3.*) */
static int
is_ecdsa(const struct span *algorithm)
{
	static const uint8_t ecdsa[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04};
	struct span rest = *algorithm;
	struct element sequence, oid;

	if (take(&rest, SEQUENCE, &sequence) == -1 ||
	    take(&sequence.inside, 0x06, &oid) == -1)
		return 0;
	return oid.inside.len > sizeof(ecdsa) &&
	       memcmp(oid.inside.at, ecdsa, sizeof(ecdsa)) == 0;
}

/* The orders of the three curves, made once; NULL with errno ENOMEM. */
static const BIGNUM *
order_of(size_t i)
{
	static const int curves[CERTIFICATE_FORMS - 1] = {
	    NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
	static BIGNUM *orders[CERTIFICATE_FORMS - 1];

	if (orders[i] == NULL) {
		EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[i]);

		if (group != NULL)
			orders[i] = BN_dup(EC_GROUP_get0_order(group));
		EC_GROUP_free(group);
	}
	if (orders[i] == NULL)
		errno = ENOMEM;
	return orders[i];
}

/* Writes the header of an element in front of end; returns where it begins. */
static uint8_t *
write_head(uint8_t *end, uint8_t tag, size_t len)
{
	size_t n = 0;

	if (len < 0x80) {
		*--end = (uint8_t)len;
	} else {
		for (size_t left = len; left > 0; left >>= 8, n++)
			*--end = (uint8_t)left;
		*--end = (uint8_t)(0x80 | n);
	}
	*--end = tag;
	return end;
}

static uint8_t *
write_bytes(uint8_t *end, const uint8_t *at, size_t len)
{
	return memcpy(end - len, at, len);
}

/* Digests a certificate with this signature, which ends at buf's end. */
static int
digest_with(const struct parts *p, uint8_t *signature, size_t len,
    struct identity *fingerprint)
{
	uint8_t outer[8], *outer_end = outer + sizeof(outer), *head;
	uint8_t *begin = write_head(signature, BIT_STRING, len);
	size_t bits = len + (size_t)(signature - begin);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	head = write_head(
	    outer_end, SEQUENCE, p->signed_part.len + p->algorithm.len + bits);
	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	     EVP_DigestUpdate(ctx, head, (size_t)(outer_end - head)) &&
	     EVP_DigestUpdate(ctx, p->signed_part.at, p->signed_part.len) &&
	     EVP_DigestUpdate(ctx, p->algorithm.at, p->algorithm.len) &&
	     EVP_DigestUpdate(ctx, begin, bits) &&
	     EVP_DigestFinal_ex(ctx, fingerprint->sha256, NULL);
	EVP_MD_CTX_free(ctx);
	if (!ok)
		errno = ENOMEM;
	return ok ? 0 : -1;
}

/* The fingerprint with s, of size bytes with its zero in front, in place. */
static int
add_form(struct certificate *c, const struct parts *p, const struct span *r,
    const uint8_t *s, size_t size)
{
	uint8_t buf[SIGNATURE_MAX + 16], *end = buf + sizeof(buf);
	uint8_t *at = write_bytes(end, s, size);

	at = write_head(at, INTEGER, size);
	at = write_bytes(at, r->at, r->len);
	at = write_head(at, SEQUENCE, (size_t)(end - at));
	*--at = 0; /* no bit of the last byte is unused */
	if (digest_with(
		p, at, (size_t)(end - at), &c->fingerprints[c->forms]) == -1)
		return -1;
	c->forms++;
	return 0;
}

/* Adds the forms with n - s. Whose order n is, the certificate does not say. */
static int
add_twins(struct certificate *c, const struct parts *p)
{
	struct span rest = p->signature;
	struct element sequence, r, s;
	uint8_t bytes[1 + ORDER_MAX];
	BIGNUM *value, *twin = BN_new();
	int rc = -1;

	errno = EINVAL;
	if (take(&rest, SEQUENCE, &sequence) == -1 || rest.len != 0 ||
	    take_positive(&sequence.inside, &r) == -1 ||
	    take_positive(&sequence.inside, &s) == -1 ||
	    sequence.inside.len != 0 || r.inside.len > 1 + ORDER_MAX ||
	    s.inside.len > 1 + ORDER_MAX) {
		BN_free(twin);
		return -1;
	}
	value = BN_bin2bn(s.inside.at, (int)s.inside.len, NULL);
	errno = ENOMEM;
	if (value == NULL || twin == NULL)
		goto out;
	for (size_t i = 0; i < CERTIFICATE_FORMS - 1; i++) {
		const BIGNUM *n = order_of(i);
		size_t size, zero;

		if (n == NULL)
			goto out;
		if (BN_cmp(value, n) >= 0)
			continue;
		if (!BN_sub(twin, n, value))
			goto out;
		zero = BN_num_bits(twin) % 8 == 0;
		size = zero + (size_t)BN_num_bytes(twin);
		bytes[0] = 0;
		BN_bn2bin(twin, bytes + zero);
		if (add_form(c, p, &r.all, bytes, size) == -1)
			goto out;
	}
	rc = 0;
out:
	BN_free(value);
	BN_free(twin);
	return rc;
}

/* ---- all together ---- */

static int
sha256(const struct span *bytes, struct identity *id)
{
	if (EVP_Q_digest(NULL, "SHA256", NULL, bytes->at, bytes->len,
		id->sha256, NULL) == 1)
		return 0;
	errno = ENOMEM;
	return -1;
}

int
certificate_fingerprint(
    struct identity *fingerprint, const uint8_t *der, size_t len)
{
	return sha256(&(struct span){der, len}, fingerprint);
}

int
certificate_read(struct certificate *c, const uint8_t *der, size_t len)
{
	const struct span whole = {der, len};
	struct parts p;

	c->forms = 0;
	if (parse(&p, der, len) == -1) {
		errno = EINVAL;
		return -1;
	}
	if (sha256(&p.signed_part, &c->identity) == -1 ||
	    sha256(&whole, &c->fingerprints[0]) == -1)
		return -1;
	c->forms = 1;
	return is_ecdsa(&p.algorithm) ? add_twins(c, &p) : 0;
}

int
certificate_is(const struct certificate *c, const struct identity *id)
{
	if (memcmp(&c->identity, id, sizeof(*id)) == 0)
		return 1;
	for (unsigned i = 0; i < c->forms; i++)
		if (memcmp(&c->fingerprints[i], id, sizeof(*id)) == 0)
			return 1;
	return 0;
}
