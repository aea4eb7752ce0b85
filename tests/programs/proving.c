/*
 * A handler that may lie: it makes a handshake with a client, whose certificate
 * and key are given, has relay-keyd(8) vouch for it, and registers with the
 * broker. What it does, in order, is on its command line:
 *
 *	handshake         with the client, in a process of its own
 *	clock SECONDS     is ahead, or behind, in those
 *	save, load FILE   the messages of that
 *	resign            has relay-keyd sign the same first part again
 *	spoil             changes the last byte, of the client's signature
 *	prove             asks for a voucher, and prints "proven", or why not
 *	witness           the same, as relay-peer does of another relay's stone
 *	keep, take FILE   the voucher
 *	forge             makes one up
 *	forget            has none
 *	claim FILE        another certificate
 *	wait FILE         until there is such a file
 *	elsewhere         registers as a stone at another relay would
 *	register, announce, view  prints "welcome", or what the broker says
 */
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "config/relay_conf.h"
#include "ipc/ipc_socket.h"
#include "ipc/wire.h"
#include "tls/keyd_client.h"
#include "tls/pem.h"
#include "tls/server.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LONG_MS 60000

static struct {
	struct relay_conf conf;
	struct tls_material material;
	const char *certificate, *key; /* the client's */
	struct transcript transcript;
	uint8_t voucher[VOUCHER_BYTES];
	uint8_t *der;
	int der_len;
	time_t ahead; /* seconds */
} own;

/* In the place of the library's, for OpenSSL, too. */
time_t
time(time_t *also)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (also != NULL)
		*also = now.tv_sec + own.ahead;
	return now.tv_sec + own.ahead;
}

static void
read_certificate(const char *path)
{
	STACK_OF(X509) * chain;
	struct failure f;
	X509 *certificate = pem_certificate(path, &chain, &f);

	if (certificate == NULL)
		errx(1, "%s", f.text);
	own.der = NULL;
	own.der_len = i2d_X509(certificate, &own.der);
}

/* ---- the handshake ---- */

static void
be_client(int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	char byte;

	if (SSL_CTX_use_certificate_chain_file(ctx, own.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, own.key, SSL_FILETYPE_PEM) != 1)
		_exit(1);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	_exit(SSL_connect(ssl) == 1 && SSL_read(ssl, &byte, 1) <= 0 ? 0 : 1);
}

/* By another clock its certificate may not be valid yet. */
static int
take_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static void
handshake(void)
{
	struct tls_refusal refusal;
	struct failure f;
	int ends[2];
	SSL *ssl;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		err(1, "socketpair");
	if (fork() == 0) {
		close(ends[0]);
		be_client(ends[1]);
	}
	close(ends[1]);
	fd_nonblock(ends[0]);
	ssl = tls_server_start(&own.material, ends[0], 0, &refusal);
	SSL_set_mode(ssl, SSL_MODE_SEND_SERVERHELLO_TIME);
	if (own.ahead != 0)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, take_any);
	transcript_free(&own.transcript);
	transcript_begin(&own.transcript, ssl);
	if (tls_handshake(ssl, deadline_in(LONG_MS), &f) == -1)
		errx(1, "handshake: %s", f.text);
	SSL_free(ssl);
	close(ends[0]);
}

static void
save(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(bytes, 1, len, file) != len ||
	    fclose(file) != 0)
		err(1, "%s", path);
}

static size_t
load(const char *path, void *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t n;

	if (file == NULL)
		err(1, "%s", path);
	n = fread(bytes, 1, size, file);
	fclose(file);
	return n;
}

static void
load_transcript(const char *path)
{
	transcript_free(&own.transcript);
	own.transcript.bytes = malloc(TRANSCRIPT_MAX);
	own.transcript.len = load(path, own.transcript.bytes, TRANSCRIPT_MAX);
	own.transcript.complete = 1;
}

/* As who has kept it an hour would. */
static void
resign(void)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct transcript_parts p;
	struct sign_request r;
	struct sign_answer a;
	struct failure f;
	const char *wrong = transcript_read(
	    &p, own.transcript.bytes, own.transcript.len);

	if (wrong != NULL)
		errx(1, "%s", wrong);
	sign_request_make(&r, p.server.scheme, SIGN_SERVER, hash,
	    transcript_hash(&p, p.server_end, hash));
	sign_key_of(own.material.certificate, r.key);
	if (keyd_client_sign(own.conf.keyd, &r, &a, &f) == -1)
		errx(1, "resign: %s", f.text);
}

static void
prove(void)
{
	struct failure f;

	puts(keyd_client_prove(
		 own.conf.keyd, &own.transcript, own.voucher, &f) == 0
		 ? "proven"
		 : f.text);
}

static void
witness(void)
{
	struct failure f;

	puts(keyd_client_witness(own.conf.keyd, own.transcript.bytes,
		 own.transcript.len, own.voucher, &f) == 0
		 ? "proven"
		 : f.text);
}

/* ---- the broker ---- */

static void
say(struct message *m)
{
	static struct wire_packet packet;
	int fd = ipc_socket_connect(own.conf.socket);

	m->der = own.der;
	if (fd == -1 || wire_send(fd, m, NULL) == -1)
		err(1, "%s", own.conf.socket);
	if (wire_receive_by(fd, &packet, deadline_in(LONG_MS)) == -1)
		puts("dropped");
	else if (packet.message.type == MESSAGE_REFUSED)
		puts(packet.message.u.refused.reason);
	else
		puts("welcome");
	wire_close_fds(&packet);
	close(fd);
}

static void
tell(const char *what)
{
	struct message m = {.type = MESSAGE_REGISTER};
	const uint32_t len = (uint32_t)own.der_len;

	if (strcmp(what, "register") == 0) {
		m.u.reg.role = ROLE_AGENT;
		m.u.reg.der_len = len;
		memcpy(m.u.reg.voucher, own.voucher, VOUCHER_BYTES);
	} else if (strcmp(what, "elsewhere") == 0) {
		m.u.reg.role = ROLE_STONE;
		m.u.reg.der_len = len;
		snprintf(m.u.reg.node, sizeof(m.u.reg.node), "osaka");
		memcpy(m.u.reg.voucher, own.voucher, VOUCHER_BYTES);
	} else if (strcmp(what, "view") == 0) {
		m.type = MESSAGE_VIEW;
		m.u.view.der_len = len;
		memcpy(m.u.view.voucher, own.voucher, VOUCHER_BYTES);
	} else {
		m.type = MESSAGE_ANNOUNCE;
		m.u.announce.role = ROLE_AGENT;
		m.u.announce.der_len = len;
		m.u.announce.session = 1;
		memcpy(m.u.announce.voucher, own.voucher, VOUCHER_BYTES);
	}
	say(&m);
}

/* ---- all together ---- */

/* Returns whether it takes file. */
static int
obey(const char *word, const char *file)
{
	if (strcmp(word, "handshake") == 0)
		handshake();
	else if (strcmp(word, "resign") == 0)
		resign();
	else if (strcmp(word, "spoil") == 0)
		own.transcript.bytes[own.transcript.len - 1] ^= 1;
	else if (strcmp(word, "prove") == 0)
		prove();
	else if (strcmp(word, "witness") == 0)
		witness();
	else if (strcmp(word, "forge") == 0)
		memset(own.voucher, 1, sizeof(own.voucher));
	else if (strcmp(word, "forget") == 0)
		memset(own.voucher, 0, sizeof(own.voucher));
	else if (file == NULL)
		tell(word);
	else if (strcmp(word, "save") == 0)
		save(file, own.transcript.bytes, own.transcript.len);
	else if (strcmp(word, "load") == 0)
		load_transcript(file);
	else if (strcmp(word, "keep") == 0)
		save(file, own.voucher, sizeof(own.voucher));
	else if (strcmp(word, "take") == 0)
		load(file, own.voucher, sizeof(own.voucher));
	else if (strcmp(word, "claim") == 0)
		read_certificate(file);
	else if (strcmp(word, "clock") == 0)
		own.ahead = atol(file);
	else if (strcmp(word, "wait") == 0)
		while (access(file, F_OK) == -1)
			poll(NULL, 0, 20);
	else
		tell(word);
	return strcmp(word, "save") == 0 || strcmp(word, "load") == 0 ||
	       strcmp(word, "keep") == 0 || strcmp(word, "take") == 0 ||
	       strcmp(word, "claim") == 0 || strcmp(word, "wait") == 0 ||
	       strcmp(word, "clock") == 0;
}

int
main(int argc, char **argv)
{
	struct failure f;

	if (argc < 4)
		errx(64, "usage: proving relay.conf cert.pem private.pem "
			 "word...");
	own.certificate = argv[2];
	own.key = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (relay_conf_read(&own.conf, argv[1], &f) == -1 || tls_init() == -1 ||
	    tls_server_init() == -1 ||
	    tls_server_load(&own.material, &own.conf, &f) == -1)
		errx(1, "%s", f.text);
	read_certificate(own.certificate);
	for (int i = 4; i < argc; i++)
		i += obey(argv[i], argv[i + 1]);
	return 0;
}
