/* TLS, common to both ends: see tls.h. */
#include "tls/tls.h"
#include "base/deadline.h"
#include "base/timestamp.h"
#include "tls/key_updates.h"
#include "tls/peer_names.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#define CHAIN_DEPTH 3 /* leaf, two intermediates, root */

/* RFC 8446 and, where 1.2 is configured, ECDHE with AEAD alone. */
#define CIPHERS_12                                                             \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"           \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"           \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* The 128-bit key is the fastest and enough; ChaCha20 where AES is software. */
#define CIPHERS_13_AES                                                         \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"                       \
	"TLS_CHACHA20_POLY1305_SHA256"
#define CIPHERS_13_CHACHA                                                      \
	"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"                 \
	"TLS_AES_256_GCM_SHA384"

/*
 * What a handshake costs must not be the client's choice: without a list,
 * OpenSSL takes ffdhe8192 as well, a thousand times the work of X25519.
 * OpenSSL 3.5 has the hybrid; "*" has a client send a share of it and one of
 * X25519, "/" has a server prefer it.
 */
#define GROUPS_HYBRID "*X25519MLKEM768/*X25519:P-256:P-384"
#define GROUPS        "X25519:P-256:P-384"

/* Whether this CPU has instructions for AES. */
static int
has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
	return 0;
#endif
}

int
tls_init(void)
{
	return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? 0
									: -1;
}

/* Returns 1 or 0, as OpenSSL does. */
static int
set_groups(SSL_CTX *ctx)
{
	if (SSL_CTX_set1_groups_list(ctx, GROUPS_HYBRID) == 1)
		return 1;
	ERR_clear_error();
	return SSL_CTX_set1_groups_list(ctx, GROUPS) == 1;
}

SSL_CTX *
tls_context(const SSL_METHOD *method, int tls_min)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	/* no resumption, by session id or ticket, can outlive a revocation */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
	/* transcripts have certificates as they are, and nobody's bombs */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION |
				     SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
#endif
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH - 1);
	if (SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	    SSL_CTX_set_min_proto_version(
		ctx, tls_min == 12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_ciphersuites(
		ctx, has_aes() ? CIPHERS_13_AES : CIPHERS_13_CHACHA) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1 && set_groups(ctx))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

SSL *
tls_new(const struct tls_material *material, int fd)
{
	SSL *ssl = SSL_new(material->ctx);

	if (ssl == NULL)
		return NULL;
	if ((material->certificate == NULL ||
		SSL_use_cert_and_key(ssl, material->certificate, material->key,
		    material->chain, 1) == 1) &&
	    SSL_set1_verify_cert_store(ssl, material->store) == 1 &&
	    SSL_set_fd(ssl, fd) == 1 && key_updates_bound(ssl, fd) == 0)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* A client's alerts of certificates (RFC 8446 6.2) are about ours. */
static int
is_about_certificate(unsigned long error)
{
	const int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;

	return (alert >= SSL_AD_BAD_CERTIFICATE &&
		   alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
	       alert == SSL_AD_UNKNOWN_CA;
}

/* Returns an errno as tls_handshake sets it. */
static int
alert_error(const char *alert, struct failure *f)
{
	if (is_about_certificate(ERR_peek_last_error())) {
		failure(f, "the peer refuses our certificate, TLS alert: %s",
		    alert);
		return EACCES;
	}
	failure(f, "the peer's TLS alert: %s", alert);
	return EPROTO;
}

/*
 * Both certificates out of date at once: more likely it is the clock. Adds the
 * question to f, where that is so.
 */
static void
ask_for_clock(const SSL *ssl, long verify, struct failure *f)
{
	char clock[WHEN_TEXT_SIZE];
	struct failure own;
	size_t n = strlen(f->text);

	if ((verify != X509_V_ERR_CERT_NOT_YET_VALID &&
		verify != X509_V_ERR_CERT_HAS_EXPIRED) ||
	    validity_check(SSL_get_certificate(ssl), &own) == 0)
		return;
	timestamp_format((uint64_t)time(NULL), clock);
	snprintf(f->text + n, sizeof(f->text) - n,
	    ", and so is ours: is this host's clock right? It shows %s", clock);
}

static int
error_of_reason(int reason)
{
	switch (reason) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return ENOKEY;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return ECONNRESET;
	default:
		return EPROTO;
	}
}

int
tls_handshake_failure(const SSL *ssl, int system, struct failure *f)
{
	long verify = SSL_get_verify_result(ssl);
	const char *alert = tls_peer_alert();
	int error = EPROTO;

	if (verify != X509_V_OK) {
		failure(f, "%s", X509_verify_cert_error_string(verify));
		ask_for_clock(ssl, verify, f);
		error = EKEYREJECTED;
		if (verify == X509_V_ERR_HOSTNAME_MISMATCH ||
		    verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
			peer_names_tell(ssl, f);
	} else if (alert != NULL)
		error = alert_error(alert, f);
	else if (ERR_peek_last_error() != 0) {
		error = error_of_reason(ERR_GET_REASON(ERR_peek_last_error()));
		tls_error_text(f);
	} else {
		failure(f, "%s",
		    system != 0 ? strerror(system) : "closed by the peer");
		error = ECONNRESET;
	}
	ERR_clear_error();
	return error;
}

int
tls_handshake(SSL *ssl, int64_t deadline, struct failure *f)
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
			errno = tls_handshake_failure(ssl, errno, f);
			return -1;
		}
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return failure(f, "handshake timed out");
		}
	}
}

void
tls_let_go(SSL *ssl)
{
	SSL_certs_clear(ssl);
	SSL_set0_verify_cert_store(ssl, NULL);
}

void
tls_forget(struct tls_material *material, SSL *ssl)
{
	SSL_CTX *ctx = material->ctx;

	tls_let_go(ssl);
	material->ctx = NULL;
	tls_material_free(material);
	material->ctx = ctx;
}

void
tls_material_free(struct tls_material *material)
{
	X509_free(material->certificate);
	sk_X509_pop_free(material->chain, X509_free);
	EVP_PKEY_free(material->key);
	X509_STORE_free(material->store);
	SSL_CTX_free(material->ctx);
	memset(material, 0, sizeof(*material));
}

const char *
tls_peer_alert(void)
{
	unsigned long error = ERR_peek_last_error();
	int alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;

	if (ERR_GET_LIB(error) != ERR_LIB_SSL || alert < 0 || alert > 255)
		return NULL;
	return SSL_alert_desc_string_long(alert);
}

void
tls_error_text(struct failure *f)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	failure(f, "%s", reason != NULL ? reason : "TLS failed");
	ERR_clear_error();
}
