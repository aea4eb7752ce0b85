/* The relay's end of TLS: see server.h. */
#include "tls/server.h"
#include "config/certificate.h"
#include "tls/pem.h"
#include "tls/remote_key.h"
#include "tls/validity.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static int refusal_index = -1; /* where an SSL keeps its struct tls_refusal */

int
tls_server_init(void)
{
	refusal_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return refusal_index == -1 ? -1 : 0;
}

/* Notes whose certificate it is that fails; OpenSSL itself keeps why. */
static int
on_verify(int ok, X509_STORE_CTX *store_ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_refusal *r = SSL_get_ex_data(ssl, refusal_index);
	const X509 *leaf = X509_STORE_CTX_get0_cert(store_ctx);
	unsigned char *der = NULL;
	struct certificate certificate;
	int len;

	if (ok || r == NULL || leaf == NULL)
		return ok;
	if (r->pass_expired_crl &&
	    X509_STORE_CTX_get_error(store_ctx) == X509_V_ERR_CRL_HAS_EXPIRED) {
		X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
		r->crl_expired = 1;
		return 1;
	}
	X509_NAME_oneline(
	    X509_get_subject_name(leaf), r->subject, sizeof(r->subject));
	len = i2d_X509(leaf, &der);
	if (len > 0 && certificate_read(&certificate, der, (size_t)len) == 0) {
		identity_hex(&certificate.identity, r->identity);
		r->fingerprint = certificate.fingerprints[0];
	}
	OPENSSL_free(der);
	return 0;
}

/* The relay speaks http/1.1, whatever else a browser offers. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *arg)
{
	static const unsigned char served[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, outlen, served, sizeof(served) - 1,
		in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
make_context(int tls_min, STACK_OF(X509_NAME) * names)
{
	SSL_CTX *ctx = tls_context(TLS_server_method(), tls_min);

	if (ctx == NULL) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return NULL;
	}
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	return ctx;
}

/* The key of the certificate, from its file. */
static EVP_PKEY *
load_key(X509 *certificate, const struct relay_conf *conf, struct failure *f)
{
	EVP_PKEY *key = pem_key(conf->key, f);

	if (key == NULL || X509_check_private_key(certificate, key) == 1)
		return key;
	ERR_clear_error();
	EVP_PKEY_free(key);
	return failure_null(
	    f, "%s: not the key of %s", conf->key, conf->certificate);
}

int
tls_server_load(struct tls_material *material, const struct relay_conf *conf,
    struct failure *f)
{
	STACK_OF(X509_NAME) * names;

	memset(material, 0, sizeof(*material));
	material->certificate = pem_certificate(
	    conf->certificate, &material->chain, f);
	if (material->certificate == NULL)
		goto fail;
	material->key = conf->keyd == NULL
			    ? load_key(material->certificate, conf, f)
			    : remote_key_new(
				  material->certificate, conf->keyd, f);
	if (material->key == NULL)
		goto fail;
	material->store = pem_store(conf->ca, conf->crl, f);
	if (material->store == NULL)
		goto fail;
	names = pem_names(conf->ca, f);
	if (names == NULL)
		goto fail;
	material->ctx = make_context(conf->tls_min, names);
	if (material->ctx != NULL)
		return 0;
	tls_error_text(f);
fail:
	tls_material_free(material);
	return -1;
}

int
tls_server_reload(struct tls_material *material, const struct tls_material *old,
    const struct relay_conf *conf, struct failure *f)
{
	if (tls_server_load(material, conf, f) == -1)
		return -1;
	if (conf->keyd == NULL ||
	    EVP_PKEY_eq(X509_get0_pubkey(material->certificate),
		X509_get0_pubkey(old->certificate)) == 1 ||
	    remote_key_try(material->certificate, conf->keyd, f) == 0)
		return 0;
	tls_material_free(material);
	return failure_prefix(f, "%s: ", conf->certificate);
}

int
tls_server_check(const struct tls_material *material,
    const struct relay_conf *conf, struct failure *f)
{
	if (validity_check(material->certificate, f) == 0)
		return 0;
	return failure_prefix(f, "%s: ", conf->certificate);
}

SSL *
tls_server_start(const struct tls_material *material, int fd,
    int pass_expired_crl, struct tls_refusal *refusal)
{
	SSL *ssl = tls_new(material, fd);

	memset(refusal, 0, sizeof(*refusal));
	refusal->pass_expired_crl = pass_expired_crl;
	if (ssl == NULL)
		return NULL;
	if (SSL_set_ex_data(ssl, refusal_index, refusal) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}
