/* The relay's side of TLS: see tls.h. */
#include "tls.h"
#include "deadline.h"
#include "pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CHAIN_DEPTH 3 /* leaf, two intermediates, root */

/* RFC 8446 and, where 1.2 is configured, ECDHE with AEAD alone. */
#define CIPHERS_12                                                             \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"           \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"           \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

static int refusal_index = -1; /* where an SSL keeps its struct tls_refusal */

int
tls_init(void)
{
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -1;
	refusal_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return refusal_index == -1 ? -1 : 0;
}

void
tls_error_text(char *err, size_t errsize)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(err, errsize, "%s", reason != NULL ? reason : "TLS failed");
	ERR_clear_error();
}

/* Notes the first thing that is wrong with the client's certificate. */
static int
on_verify(int ok, X509_STORE_CTX *store_ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_refusal *r = SSL_get_ex_data(ssl, refusal_index);
	const X509 *leaf = X509_STORE_CTX_get0_cert(store_ctx);
	unsigned char *der = NULL;
	struct identity id;
	int len;

	if (ok || r == NULL || r->reason[0] != '\0')
		return ok;
	snprintf(r->reason, sizeof(r->reason), "%s",
	    X509_verify_cert_error_string(
		X509_STORE_CTX_get_error(store_ctx)));
	if (leaf == NULL)
		return 0;
	X509_NAME_oneline(X509_get_subject_name(leaf), r->subject,
	    sizeof(r->subject));
	len = i2d_X509(leaf, &der);
	if (len > 0 && identity_of_der(&id, der, (size_t)len) == 0)
		identity_hex(&id, r->identity);
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
make_context(int tls_min, STACK_OF(X509_NAME) *names)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	/* no resumption, by session id or ticket, can outlive a revocation */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH - 1);
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	    SSL_CTX_set_min_proto_version(ctx,
		tls_min == 12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int
tls_server_load(struct tls_server *server, const struct conf *conf, char *err,
    size_t errsize)
{
	STACK_OF(X509_NAME) *names;

	memset(server, 0, sizeof(*server));
	server->certificate = pem_certificate(
	    conf->certificate, &server->chain, err, errsize);
	if (server->certificate == NULL)
		goto fail;
	server->key = pem_key(conf->key, err, errsize);
	if (server->key == NULL)
		goto fail;
	if (X509_check_private_key(server->certificate, server->key) != 1) {
		snprintf(err, errsize, "%s: not the key of %s", conf->key,
		    conf->certificate);
		ERR_clear_error();
		goto fail;
	}
	server->store = pem_store(conf->ca, conf->crl, err, errsize);
	if (server->store == NULL)
		goto fail;
	names = pem_names(conf->ca, err, errsize);
	if (names == NULL)
		goto fail;
	server->ctx = make_context(conf->tls_min, names);
	if (server->ctx != NULL)
		return 0;
	tls_error_text(err, errsize);
fail:
	tls_server_free(server);
	return -1;
}

void
tls_server_free(struct tls_server *server)
{
	X509_free(server->certificate);
	sk_X509_pop_free(server->chain, X509_free);
	EVP_PKEY_free(server->key);
	X509_STORE_free(server->store);
	SSL_CTX_free(server->ctx);
	memset(server, 0, sizeof(*server));
}

SSL *
tls_server_start(const struct tls_server *server, int fd,
    struct tls_refusal *refusal)
{
	SSL *ssl = SSL_new(server->ctx);

	memset(refusal, 0, sizeof(*refusal));
	if (ssl == NULL)
		return NULL;
	if (SSL_set_ex_data(ssl, refusal_index, refusal) == 1 &&
	    SSL_use_cert_and_key(ssl, server->certificate, server->key,
		server->chain, 1) == 1 &&
	    SSL_set1_verify_cert_store(ssl, server->store) == 1 &&
	    SSL_set_fd(ssl, fd) == 1) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_free(ssl);
	return NULL;
}

static void
handshake_error(const SSL *ssl, int syscall, char *err, size_t errsize)
{
	const struct tls_refusal *r = SSL_get_ex_data(ssl, refusal_index);

	if (r != NULL && r->reason[0] != '\0')
		snprintf(err, errsize, "%s", r->reason);
	else if (ERR_peek_last_error() != 0)
		tls_error_text(err, errsize);
	else
		snprintf(err, errsize, "%s",
		    syscall != 0 ? strerror(syscall) : "closed by the peer");
	ERR_clear_error();
}

int
tls_handshake(SSL *ssl, int64_t deadline, char *err, size_t errsize)
{
	for (;;) {
		struct pollfd pfd = {.fd = SSL_get_fd(ssl)};
		int rc, why;

		ERR_clear_error();
		errno = 0;
		rc = SSL_do_handshake(ssl);
		if (rc == 1)
			return 0;
		why = SSL_get_error(ssl, rc);
		if (why == SSL_ERROR_WANT_READ)
			pfd.events = POLLIN;
		else if (why == SSL_ERROR_WANT_WRITE)
			pfd.events = POLLOUT;
		else {
			handshake_error(ssl, errno, err, errsize);
			return -1;
		}
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			snprintf(err, errsize, "handshake timed out");
			return -1;
		}
	}
}

void
tls_forget(struct tls_server *server, SSL *ssl)
{
	SSL_certs_clear(ssl);
	SSL_set0_verify_cert_store(ssl, NULL);
	SSL_set_ex_data(ssl, refusal_index, NULL);
	X509_free(server->certificate);
	sk_X509_pop_free(server->chain, X509_free);
	EVP_PKEY_free(server->key);
	X509_STORE_free(server->store);
	server->certificate = NULL;
	server->chain = NULL;
	server->key = NULL;
	server->store = NULL;
}
