/* Sealing: see seal.h. */
#include "tls/seal.h"
#include "tls/key_updates.h"
#include "tls/pem.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>

/* As it stands in TLS, its length before it (RFC 7301 3.1). */
static const unsigned char protocol[] = "\x0avpn-warp/1";

#define PROTOCOL_LEN (sizeof(protocol) - 1)

int
seal_mode_parse(enum seal_mode *mode, const char *word, struct failure *f)
{
	static const char *const words[] = {
	    [SEAL_AUTO] = "auto",
	    [SEAL_REQUIRE] = "require",
	    [SEAL_OFF] = "off",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0) {
			*mode = (enum seal_mode)i;
			return 0;
		}
	return failure(f, "%s: not auto, require or off", word);
}

/* ---- whom we accept ---- */

static int
is_same(const X509 *a, const X509 *b)
{
	unsigned char *a_der = NULL, *b_der = NULL;
	const int a_len = i2d_X509(a, &a_der), b_len = i2d_X509(b, &b_der);
	const int same = a_len > 0 && a_len == b_len &&
			 memcmp(a_der, b_der, (size_t)a_len) == 0;

	OPENSSL_free(a_der);
	OPENSSL_free(b_der);
	return same;
}

static int
date_error(const X509 *leaf)
{
	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) >= 0)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	return X509_V_OK;
}

/* In the place of OpenSSL's own verification: no chain, no authority. */
static int
on_verify(X509_STORE_CTX *store_ctx, void *arg)
{
	const STACK_OF(X509) *accepted = arg;
	const X509 *leaf = X509_STORE_CTX_get0_cert(store_ctx);
	int error = X509_V_ERR_CERT_REJECTED;

	for (int i = 0; leaf != NULL && i < sk_X509_num(accepted); i++)
		if (is_same(leaf, sk_X509_value(accepted, i))) {
			error = date_error(leaf);
			break;
		}
	X509_STORE_CTX_set_error(store_ctx, error);
	return error == X509_V_OK;
}

/* ---- the context ---- */

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, outlen, protocol, PROTOCOL_LEN, in,
		inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Returns NULL with the error in OpenSSL's queue. */
static SSL_CTX *
make_context(enum seal_side side, STACK_OF(X509) * accepted)
{
	SSL_CTX *ctx = tls_context(
	    side == SEAL_STONE ? TLS_client_method() : TLS_server_method(), 13);

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN); /* the leaf alone */
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, accepted);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (SSL_CTX_set_alpn_protos(ctx, protocol, PROTOCOL_LEN) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Ours, and the peers. Returns 0, or -1 with a reason in f. */
static int
gather(struct seal *seal, X509 *own, const char *peers, struct failure *f)
{
	if (peers != NULL)
		seal->accepted = pem_certificates(peers, f);
	else if ((seal->accepted = sk_X509_new_null()) == NULL)
		failure(f, "out of memory");
	if (seal->accepted == NULL)
		return -1;
	if (sk_X509_unshift(seal->accepted, own) == 0)
		return failure(f, "out of memory");
	X509_up_ref(own);
	return 0;
}

int
seal_init(struct seal *seal, enum seal_side side,
    const struct tls_material *material, const char *peers, struct failure *f)
{
	/* what the file says is wrong even where it is not used */
	if (gather(seal, material->certificate, peers, f) == -1)
		return -1;
	/* where each host has a key of its own, nobody would be accepted */
	if (seal->mode == SEAL_AUTO && material->key_is_apart && peers == NULL)
		seal->mode = SEAL_OFF;
	if (seal->mode == SEAL_OFF)
		return 0;
	seal->ctx = make_context(side, seal->accepted);
	if (seal->ctx == NULL) {
		tls_error_text(f);
		return -1;
	}
	EVP_PKEY_up_ref(material->key);
	seal->key = material->key;
	return 0;
}

void
seal_forget(struct seal *seal)
{
	EVP_PKEY_free(seal->key);
	seal->key = NULL;
}

void
seal_free(struct seal *seal)
{
	seal_forget(seal);
	SSL_CTX_free(seal->ctx);
	sk_X509_pop_free(seal->accepted, X509_free);
	seal->ctx = NULL;
	seal->accepted = NULL;
}

/* ---- one session ---- */

SSL *
seal_start(const struct seal *seal, int fd)
{
	SSL *ssl = SSL_new(seal->ctx);

	if (ssl == NULL)
		return NULL;
	if (SSL_use_cert_and_key(ssl, sk_X509_value(seal->accepted, 0),
		seal->key, NULL, 1) == 1 &&
	    key_updates_bound(ssl, fd) == 0) {
		if (SSL_is_server(ssl))
			SSL_set_accept_state(ssl);
		else
			SSL_set_connect_state(ssl);
		return ssl;
	}
	SSL_free(ssl);
	return NULL;
}

int
seal_check(SSL *ssl, struct failure *f)
{
	const unsigned char *chosen;
	unsigned len;

	SSL_certs_clear(ssl);
	/* OpenSSL does not ask on_alpn where a client offers nothing */
	SSL_get0_alpn_selected(ssl, &chosen, &len);
	if (len != PROTOCOL_LEN - 1 || memcmp(chosen, protocol + 1, len) != 0)
		return failure(f, "the other end did not choose our protocol");
	if (SSL_version(ssl) != TLS1_3_VERSION || SSL_session_reused(ssl) ||
	    SSL_get0_peer_certificate(ssl) == NULL)
		return failure(f, "the handshake is not a full one of TLS 1.3");
	return 0;
}

void
seal_failure(const SSL *ssl, int error, struct failure *f)
{
	if (error == ETIMEDOUT)
		failure(f, "the handshake timed out");
	else if (SSL_get_verify_result(ssl) == X509_V_ERR_CERT_REJECTED)
		failure(f,
		    "the other end's certificate is neither ours nor one of "
		    "the peers");
	else
		tls_handshake_failure(ssl, error, f);
	ERR_clear_error();
}
