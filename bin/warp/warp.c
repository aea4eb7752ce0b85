/* One file for a client: see warp.h. */
#define _GNU_SOURCE
#include "warp/warp.h"
#include "base/regular_file.h"
#include "tls/pem.h"
#include "tls/pem_text.h"
#include "tls/validity.h"
#include "warp/preamble.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX     ".warp"
#define KEY_SUFFIX ".key"

/* What a file has. */
struct parts {
	int keys, locked; /* private keys, and those with a passphrase */
	STACK_OF(X509) * certificates;
};

int
warp_is_name(const char *word)
{
	const size_t n = strlen(word), suffix = strlen(SUFFIX);

	return n > suffix && strcmp(word + n - suffix, SUFFIX) == 0 &&
	       strpbrk(word, ":=") == NULL;
}

char *
warp_key_path(const char *path)
{
	size_t n = strlen(path);
	char *key;

	if (n > strlen(SUFFIX) &&
	    strcmp(path + n - strlen(SUFFIX), SUFFIX) == 0)
		n -= strlen(SUFFIX);
	if (asprintf(&key, "%.*s" KEY_SUFFIX, (int)n, path) == -1)
		return NULL;
	return key;
}

/* ---- what is in it ---- */

static int
take_object(struct parts *parts, const char *name, const unsigned char *der,
    long len, struct failure *f)
{
	static const char key[] = "PRIVATE KEY";
	const size_t n = strlen(name);
	X509 *certificate;

	if (n >= strlen(key) && strcmp(name + n - strlen(key), key) == 0) {
		parts->keys++;
		parts->locked += strcmp(name, PEM_STRING_PKCS8) == 0;
		return 0;
	}
	if (strcmp(name, PEM_STRING_X509) != 0)
		return 0;
	certificate = d2i_X509(NULL, &der, len);
	if (certificate == NULL ||
	    sk_X509_push(parts->certificates, certificate) == 0) {
		X509_free(certificate);
		return failure(f, "a certificate in it is not readable");
	}
	return 0;
}

static int
find_parts(struct parts *parts, const struct pem_text *t, struct failure *f)
{
	BIO *bio = BIO_new_mem_buf(t->at, (int)t->len);
	unsigned char *der;
	char *name, *header;
	long len;
	int rc = 0;

	*parts = (struct parts){.certificates = sk_X509_new_null()};
	if (bio == NULL || parts->certificates == NULL)
		rc = failure(f, "out of memory");
	while (rc == 0 && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		rc = take_object(parts, name, der, len, f);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	BIO_free(bio);
	if (rc == 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = failure(f, "it is cut short or changed: get it anew");
	ERR_clear_error();
	return rc;
}

/* ---- the key ---- */

static int
key_beside(struct tls_material *tls, const char *path, const char *passphrase,
    struct failure *f)
{
	char *key = warp_key_path(path);
	int rc = -1;

	if (key == NULL)
		failure(f, "%s: %s", path, strerror(errno));
	else if (access(key, F_OK) == -1 && errno == ENOENT)
		failure(f,
		    "%s: no key in it, and no %s: put that here, which "
		    "--request has made, or name it with the option for a key",
		    path, key);
	else {
		tls->key = pem_key_encrypted(key, passphrase, f);
		tls->key_is_apart = 1;
		rc = tls->key == NULL ? -1 : 0;
	}
	free(key);
	return rc;
}

static int
take_key(struct tls_material *tls, const struct parts *parts,
    const struct pem_text *t, const char *path, const char *passphrase,
    struct failure *f)
{
	const int closed = parts->locked == 0 || passphrase != NULL;

	if (parts->keys > 0 &&
	    regular_file_check_private(&t->st, path, "a key", f) == -1)
		return -1;
	if (tls->key != NULL)
		return 0;
	if (parts->keys == 0)
		return key_beside(tls, path, passphrase, f);
	if (parts->keys > 1)
		return failure(
		    f, "%s: %d keys in it: leave one", path, parts->keys);
	if (!closed)
		return failure(f,
		    "%s: its key has a passphrase: write that into a file of "
		    "mode 600, and name it as passfile",
		    path);
	tls->key = pem_key_of(t, path, passphrase, f);
	return tls->key == NULL ? -1 : 0;
}

/* ---- the certificates ---- */

/* Takes what X509_self_signed says of a broken one for no. */
static int
is_authority(X509 *certificate)
{
	return X509_self_signed(certificate, 0) == 1;
}

static int
push(STACK_OF(X509) * *stack, X509 *certificate)
{
	if (*stack == NULL)
		*stack = sk_X509_new_null();
	if (*stack == NULL || sk_X509_push(*stack, certificate) == 0)
		return -1;
	X509_up_ref(certificate);
	return 0;
}

static int
add_authority(X509_STORE **store, X509 *certificate)
{
	if (*store == NULL)
		*store = X509_STORE_new();
	return *store != NULL && X509_STORE_add_cert(*store, certificate) == 1
		   ? 0
		   : -1;
}

/* Where they go; own: the client's certificate and its intermediates are asked
 * for, trust: the authorities are. */
static int
take_certificate(struct tls_material *tls, X509 *certificate, int own,
    int trust, X509 **stranger)
{
	if (X509_check_private_key(certificate, tls->key) == 1) {
		if (own && tls->certificate == NULL) {
			X509_up_ref(certificate);
			tls->certificate = certificate;
		}
		return 0;
	}
	if (is_authority(certificate))
		return trust ? add_authority(&tls->store, certificate) : 0;
	if (X509_check_ca(certificate) > 0)
		return own ? push(&tls->chain, certificate) : 0;
	*stranger = certificate;
	return 0;
}

static int
take_certificates(struct tls_material *tls, const struct parts *parts,
    const char *path, struct failure *f)
{
	const int own = tls->certificate == NULL, trust = tls->store == NULL;
	X509 *stranger = NULL;

	for (int i = 0; i < sk_X509_num(parts->certificates); i++)
		if (take_certificate(tls, sk_X509_value(parts->certificates, i),
			own, trust, &stranger) == -1)
			return failure(f, "%s: out of memory", path);
	ERR_clear_error();
	if (tls->certificate == NULL && stranger != NULL)
		return failure(f,
		    "%s: its certificate is not that of the key: use the key "
		    "that was made for it, or get a new file",
		    path);
	if (tls->certificate == NULL)
		return failure(f,
		    "%s: no certificate of a client in it: get it anew, from "
		    "who runs the relay",
		    path);
	if (tls->store == NULL)
		return failure(f,
		    "%s: no certificate of an authority in it: add the "
		    "relay's ca.pem at its end",
		    path);
	return 0;
}

/* ---- all ---- */

static int
take_all(struct tls_material *tls, struct relays *relays,
    const struct parts *parts, const struct pem_text *t, const char *path,
    const char *passphrase, struct failure *f)
{
	if (sk_X509_num(parts->certificates) == 0 && parts->keys == 0)
		return failure(f,
		    "%s: no certificate or key in it: get it anew, from who "
		    "runs the relay",
		    path);
	if (take_key(tls, parts, t, path, passphrase, f) == -1 ||
	    take_certificates(tls, parts, path, f) == -1)
		return -1;
	return relays->n > 0 ? 0 : preamble_relays(relays, t, path, f);
}

int
warp_read(struct tls_material *tls, struct relays *relays, const char *path,
    const char *passphrase, struct failure *f)
{
	struct parts parts = {0};
	struct pem_text t;
	int rc;

	if (pem_text_read(&t, path, 0, f) == -1)
		return -1;
	rc = find_parts(&parts, &t, f);
	if (rc == -1)
		failure_prefix(f, "%s: ", path);
	else
		rc = take_all(tls, relays, &parts, &t, path, passphrase, f);
	sk_X509_pop_free(parts.certificates, X509_free);
	pem_text_free(&t);
	return rc;
}

int
warp_check_dates(
    const struct tls_material *tls, const char *path, struct failure *f)
{
	struct failure why;

	if (validity_check(tls->certificate, &why) == 0)
		return 0;
	return failure(f,
	    "%s: %s; if the clock is right, get a new file from who runs the "
	    "relay",
	    path, why.text);
}
