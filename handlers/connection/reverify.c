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

int
reverify_is_of_lists(int error)
{
	static const int errors[] = {
	    X509_V_ERR_UNABLE_TO_GET_CRL,
	    X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
	    X509_V_ERR_CRL_SIGNATURE_FAILURE,
	    X509_V_ERR_CRL_NOT_YET_VALID,
	    X509_V_ERR_CRL_HAS_EXPIRED,
	    X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
	    X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
	    X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
	    X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
	    X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
	    X509_V_ERR_DIFFERENT_CRL_SCOPE,
	    X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE,
	    X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (error == errors[i])
			return 1;
	return 0;
}

/* What on_verify has found. */
struct findings {
	int pass_expired;    /* an expired list is no error */
	int of_lists;        /* the first error of a list, or 0 */
	const X509_CRL *bad; /* a list of which nothing is believed, or NULL */
};

/*
 * OpenSSL stops at the first error, but one that a list has passed over: who is
 * revoked by a list that has expired is still revoked.
 */
static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	struct findings *found = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	const X509_CRL *list = X509_STORE_CTX_get0_current_crl(ctx);

	if (ok)
		return 1;
	if (error == X509_V_ERR_CERT_REVOKED)
		return list != NULL && list == found->bad;
	if (!reverify_is_of_lists(error))
		return 0;
	if (error != X509_V_ERR_CRL_HAS_EXPIRED &&
	    error != X509_V_ERR_CRL_NOT_YET_VALID)
		found->bad = list;
	if (found->of_lists == 0 &&
	    !(found->pass_expired && error == X509_V_ERR_CRL_HAS_EXPIRED))
		found->of_lists = error;
	return 1;
}

int
reverify_take(struct reverify_subject *subject, SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);

	*subject = (struct reverify_subject){
	    .leaf = SSL_get1_peer_certificate(ssl),
	    .depth = SSL_get_verify_depth(ssl),
	};
	if (subject->leaf == NULL)
		return -1;
	if (chain != NULL)
		subject->chain = X509_chain_up_ref(chain);
	return chain == NULL || subject->chain != NULL ? 0 : -1;
}

void
reverify_free(struct reverify_subject *subject)
{
	X509_free(subject->leaf);
	sk_X509_pop_free(subject->chain, X509_free);
}

enum reverify_verdict
reverify_by(const struct reverify_subject *subject, X509_STORE *store,
    int pass_expired, struct failure *f)
{
	struct findings found = {.pass_expired = pass_expired};
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum reverify_verdict verdict = RECHECK_FAILED;
	int why;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, subject->leaf, subject->chain) !=
		1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_client") != 1 ||
	    X509_STORE_CTX_set_app_data(ctx, &found) != 1) {
		failure(f, "out of memory");
		goto out;
	}
	X509_STORE_CTX_set_depth(ctx, subject->depth);
	X509_STORE_CTX_set_verify_cb(ctx, on_verify);
	if (X509_verify_cert(ctx) == 1) {
		if (found.of_lists == 0)
			verdict = RECHECK_GOOD;
		else
			failure(f, "%s",
			    X509_verify_cert_error_string(found.of_lists));
		goto out;
	}
	why = X509_STORE_CTX_get_error(ctx);
	failure(f, "%s", X509_verify_cert_error_string(why));
	if (why != X509_V_ERR_OUT_OF_MEM)
		verdict = RECHECK_BAD;
out:
	X509_STORE_CTX_free(ctx);
	return verdict;
}

enum reverify_verdict
reverify_peer(const struct reverify_subject *subject, int fd, uint32_t size,
    struct failure *f)
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
		verdict = reverify_by(subject, store, trust.pass_expired, f);
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
