/* What a forking process does for its children: see prefork.h. */
#include "spawn/prefork.h"

#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>

/* ---- OpenSSL's caches ---- */

#define FLIGHTS 16 /* a handshake takes three; this only bounds it */

static int
accept_any(int ok, X509_STORE_CTX *store_ctx)
{
	(void)ok;
	(void)store_ctx;
	return 1;
}

static SSL *
new_side(const struct tls_material *material, SSL_CTX *ctx, BIO *bio)
{
	struct tls_material side = *material;
	SSL *ssl;

	side.ctx = ctx;
	ssl = tls_new(&side, -1);
	if (ssl == NULL) {
		BIO_free(bio);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
	return ssl;
}

/* A handshake, a byte each way, and the end. */
static void
converse(SSL *server, SSL *client)
{
	char byte = 'x';

	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < FLIGHTS; i++) {
		int c = SSL_do_handshake(client);
		int s = SSL_do_handshake(server);

		if (c == 1 && s == 1)
			break;
	}
	SSL_write(client, &byte, 1);
	SSL_read(server, &byte, 1);
	SSL_write(server, &byte, 1);
	SSL_read(client, &byte, 1);
	SSL_shutdown(server);
	SSL_shutdown(client);
}

/*
 * The server shows the relay's certificate, and what it is worth is not asked.
 * The client shows none: relay-keyd signs for servers alone.
 */
static void
rehearse(const struct tls_material *material)
{
	SSL_CTX *ctx = tls_context(TLS_client_method(), 13);
	BIO *server_end = NULL, *client_end = NULL;
	SSL *server = NULL, *client = NULL;

	if (ctx != NULL && BIO_new_bio_pair(&server_end, 0, &client_end, 0)) {
		server = new_side(material, material->ctx, server_end);
		client = new_side(material, ctx, client_end);
	}
	if (server != NULL && client != NULL) {
		SSL_certs_clear(client);
		converse(server, client);
	}
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

/* ---- the heap ---- */

#define LARGEST  65536 /* bytes of a piece; malloc(3) maps much larger ones */
#define SMALL    2048  /* free(3) would keep such a piece apart */
#define SMALLEST 24
#define STEP     16
#define MOST     (4 << 20) /* where malloc(3) tells nothing: enough */

struct piece {
	struct piece *next;
};

static struct piece *pieces;

/* The free bytes at the heap's end, which allocations eat into last. */
static size_t
at_end(void)
{
	return mallinfo2().keepcost;
}

static void
take_pieces(void)
{
	size_t size = LARGEST, taken = 0;

	while (size >= SMALLEST && taken < MOST) {
		size_t end = at_end();
		struct piece *p = malloc(size);
		int from_end = at_end() != end;

		if (p == NULL)
			return;
		if (from_end && size > SMALL) {
			free(p); /* the end has it back */
		} else {
			p->next = pieces;
			pieces = p;
			taken += size;
		}
		if (from_end)
			size -= STEP;
	}
}

void
prefork_release(void)
{
	struct piece *p;

	while ((p = pieces) != NULL) {
		pieces = p->next;
		free(p);
	}
}

void
prefork_warm(const struct tls_material *material)
{
	rehearse(material);
	take_pieces();
}
