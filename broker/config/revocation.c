/* Who is revoked: see revocation.h. */
#include "config/revocation.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* The hash of a name is that of c_rehash(1), the same for all its encodings. */
uint64_t
revocation_key(const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
	const unsigned long name = X509_NAME_hash_ex(issuer, NULL, NULL, NULL);
	unsigned char bytes[sizeof(name) + 64], digest[EVP_MAX_MD_SIZE];
	int len = ASN1_STRING_length(serial);
	uint64_t key = 0;

	/* RFC 5280 4.1.2.2 allows 20 */
	if (len > (int)(sizeof(bytes) - sizeof(name)))
		len = (int)(sizeof(bytes) - sizeof(name));
	memcpy(bytes, &name, sizeof(name));
	memcpy(
	    bytes + sizeof(name), ASN1_STRING_get0_data(serial), (size_t)len);
	if (EVP_Digest(bytes, sizeof(name) + (size_t)len, digest, NULL,
		EVP_sha256(), NULL) == 1)
		memcpy(&key, digest, sizeof(key));
	return key == 0 ? 1 : key;
}

static int
add(struct revocations *r, uint64_t key)
{
	if (r->n == r->room) {
		size_t room = r->room == 0 ? 64 : 2 * r->room;
		uint64_t *more = realloc(r->keys, room * sizeof(*more));

		if (more == NULL)
			return -1;
		r->keys = more;
		r->room = room;
	}
	r->keys[r->n++] = key;
	return 0;
}

static int
add_all(struct revocations *r, X509_CRL *list)
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(list);

	for (int i = 0; i < sk_X509_REVOKED_num(all); i++)
		if (add(r, revocation_key(X509_CRL_get_issuer(list),
			       X509_REVOKED_get0_serialNumber(
				   sk_X509_REVOKED_value(all, i)))) == -1)
			return -1;
	return 0;
}

static int
order(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int
revocations_read(struct revocations *r, const unsigned char *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509_CRL *list;
	int rc = bio == NULL ? -1 : 0;

	*r = (struct revocations){0};
	while (rc == 0 &&
	       (list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
		rc = add_all(r, list);
		X509_CRL_free(list);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (rc == -1)
		revocations_free(r);
	if (r->n > 0)
		qsort(r->keys, r->n, sizeof(*r->keys), order);
	return rc;
}

int
revocations_have(const struct revocations *r, uint64_t key)
{
	return r->n > 0 &&
	       bsearch(&key, r->keys, r->n, sizeof(*r->keys), order) != NULL;
}

void
revocations_free(struct revocations *r)
{
	free(r->keys);
	*r = (struct revocations){0};
}
