/* A client's certificate, checked again: see reverify.h. */
#include "connection/reverify.h"
#include "ipc/trust_bundle.h"
#include "tls/pem.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

/* An expired CRL is no error where the configuration says so. */
static int
pass_expired_crl(int ok, X509_STORE_CTX *ctx)
{
	if (!ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CRL_HAS_EXPIRED)
		return 1;
	return ok;
}

static enum reverify_verdict
verify(SSL *ssl, X509_STORE *store, int pass_expired, struct failure *f)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum reverify_verdict verdict = RECHECK_FAILED;
	int why;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, SSL_get0_peer_certificate(ssl),
		SSL_get_peer_cert_chain(ssl)) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_client") != 1) {
		failure(f, "out of memory");
		goto out;
	}
	X509_STORE_CTX_set_depth(ctx, SSL_get_verify_depth(ssl));
	if (pass_expired)
		X509_STORE_CTX_set_verify_cb(ctx, pass_expired_crl);
	if (X509_verify_cert(ctx) == 1) {
		verdict = RECHECK_GOOD;
		goto out;
	}
	why = X509_STORE_CTX_get_error(ctx);
	failure(f, "%s", X509_verify_cert_error_string(why));
	/* these say nothing of the certificate, but of our own file */
	if (why != X509_V_ERR_CRL_HAS_EXPIRED &&
	    why != X509_V_ERR_CRL_NOT_YET_VALID &&
	    why != X509_V_ERR_UNABLE_TO_GET_CRL && why != X509_V_ERR_OUT_OF_MEM)
		verdict = RECHECK_BAD;
out:
	X509_STORE_CTX_free(ctx);
	return verdict;
}

enum reverify_verdict
reverify_peer(SSL *ssl, int fd, uint32_t size, struct failure *f)
{
	enum reverify_verdict verdict = RECHECK_FAILED;
	X509_STORE *store;
	struct trust_bundle trust;

	if (trust_bundle_read(&trust, fd, size) == -1) {
		failure(f, "trust: %s", strerror(errno));
		return RECHECK_FAILED;
	}
	store = pem_store_of(&trust.ca, &trust.crl, f);
	if (store != NULL)
		verdict = verify(ssl, store, trust.pass_expired, f);
	X509_STORE_free(store);
	trust_bundle_free(&trust);
	ERR_clear_error();
	return verdict;
}

time_t
reverify_not_after(const SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	time_t first = 0;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		time_t end = validity_end(sk_X509_value(chain, i));

		if (i == 0 || end < first)
			first = end;
	}
	return first;
}
