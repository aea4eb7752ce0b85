/*
 * "newkeys FOLDER 12|13": a TLS connection as a channel, from this process to
 * itself, with cert.pem and private.pem of FOLDER. Prints what its writer does
 * when a key has served long enough, and behind its close_notify.
 */
#include "channel/channel_tls.h"
#include "need.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 4000000 /* more than a socket holds */

static struct channel_tls writer;
static SSL *reader;
static int updates, asking; /* KeyUpdates that came, and those that ask for one
			     */

static void
see(int write_p, int version, int type, const void *buf, size_t len, SSL *ssl,
    void *arg)
{
	const unsigned char *message = buf;

	(void)version;
	(void)ssl;
	(void)arg;
	if (write_p || type != SSL3_RT_HANDSHAKE || len < 5 ||
	    message[0] != SSL3_MT_KEY_UPDATE)
		return;
	updates++;
	asking += message[4] != 0;
}

static void
connect_both(const char *folder, int version)
{
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	char path[512];
	int pair[2];
	SSL *ssl;

	snprintf(path, sizeof(path), "%s/cert.pem", folder);
	need(SSL_CTX_use_certificate_chain_file(server, path) == 1, path);
	snprintf(path, sizeof(path), "%s/private.pem", folder);
	need(SSL_CTX_use_PrivateKey_file(server, path, SSL_FILETYPE_PEM) == 1,
	    path);
	SSL_CTX_set_num_tickets(server, 0);
	SSL_CTX_set_mode(server, SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_max_proto_version(server, version);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0,
	    "socketpair");
	ssl = SSL_new(server);
	reader = SSL_new(client);
	SSL_set_fd(ssl, pair[0]);
	SSL_set_fd(reader, pair[1]);
	SSL_set_accept_state(ssl);
	SSL_set_connect_state(reader);
	while (SSL_do_handshake(reader) + SSL_do_handshake(ssl) != 2)
		;
	SSL_set_msg_callback(reader, see);
	channel_tls(&writer, ssl);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

/* Writes len bytes, in records of at most piece, and reads them meanwhile. */
static void
carry(size_t len, size_t piece)
{
	static unsigned char out[65536], in[65536];
	size_t sent = 0, got = 0, n;

	while (got < len) {
		size_t want = len - sent < piece ? len - sent : piece;
		ssize_t wrote = 0;

		for (size_t i = 0; i < want; i++)
			out[i] = (unsigned char)((sent + i) % 251);
		if (want > 0)
			wrote = channel_write(&writer.channel, out, want);
		if (wrote > 0) {
			sent += (size_t)wrote;
			continue;
		}
		/* it is blocked, or done */
		while (SSL_read_ex(reader, in, sizeof(in), &n) == 1)
			for (size_t i = 0; i < n; i++, got++)
				need(in[i] == got % 251, "a byte is wrong");
	}
}

/* As if its key had written all but so many of the records that it may. */
static void
age(uint32_t left)
{
	writer.records = CHANNEL_TLS_KEY_RECORDS - left;
	updates = asking = 0;
}

/*
 * Behind the writer's close_notify the reader asks for a new key, twice: what
 * OpenSSL has to say to the first, it says as it reads the second.
 */
static void
ask_behind_the_end(void)
{
	char byte;

	need(channel_finish(&writer.channel) == 0, "finish");
	need(SSL_read(reader, &byte, 1) == 0 &&
		 SSL_get_error(reader, 0) == SSL_ERROR_ZERO_RETURN,
	    "a clean end");
	printf("before the end: %d\n", updates);
	for (int i = 0; i < 2; i++) {
		SSL_key_update(reader, SSL_KEY_UPDATE_REQUESTED);
		need(SSL_write(reader, "x", 1) == 1, "write");
		need(channel_read(&writer.channel, &byte, 1) == 1, "read");
	}
	channel_finish(&writer.channel);
	printf("behind the end: %s\n",
	    recv(SSL_get_fd(reader), &byte, 1, 0) == -1 ? "nothing" : "bytes");
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	connect_both(argv[1],
	    strcmp(argv[2], "12") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
	age(MANY);
	carry(100, 10);
	printf("young: %d\n", updates);
	age(10);
	carry(100, 1);
	printf("old: %d, asking: %d\n", updates, asking);
	age(10);
	carry(MANY, 65536); /* blocked now and then */
	printf("much: %d\n", updates);
	age(1);
	carry(1, 1);
	ask_behind_the_end();
	SSL_free(reader);
	channel_close(&writer.channel);
	return 0;
}
