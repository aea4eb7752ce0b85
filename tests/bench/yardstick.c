/*
 * yardstick: the cheapest server there can be: one process, eight threads, one
 * ready context, mutual TLS 1.3, the same request and answer as the relay's.
 * What the relay's processes cost is told as a multiple of it. Runs until it
 * is killed.
 *
 * usage: yardstick port cert key ca
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define THREADS 8

static SSL_CTX *ctx;
static int listener;

static void
serve(int fd)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\n"
	    "X-Customer: nusers=256&type=3&expire=4294967295&"
	    "digest=00000000000000000000000000000000\r\n\r\n";
	const int on = 1;
	char buf[4096];
	SSL *ssl = SSL_new(ctx);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 &&
	    SSL_read(ssl, buf, sizeof(buf)) > 0 &&
	    SSL_write(ssl, answer, sizeof(answer) - 1) > 0)
		SSL_read(ssl, buf, sizeof(buf)); /* until the client leaves */
	SSL_free(ssl);
	close(fd);
}

static void *
work(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd != -1)
			serve(fd);
	}
	return arg;
}

static SSL_CTX *
make_context(const char *cert, const char *key, const char *ca)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (c == NULL ||
	    SSL_CTX_use_certificate_file(c, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(c, ca, NULL) != 1 ||
	    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_num_tickets(c, 0) != 1)
		return NULL;
	SSL_CTX_set_verify(
	    c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return c;
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	close(fd);
	return -1;
}

int
main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 5) {
		fputs("usage: yardstick port cert key ca\n", stderr);
		return EX_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	ctx = make_context(argv[2], argv[3], argv[4]);
	if (ctx == NULL) {
		fputs("yardstick: certificate, key or CA cannot be used\n",
		    stderr);
		return EX_NOINPUT;
	}
	listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
	if (listener == -1) {
		perror("yardstick: listen");
		return EX_UNAVAILABLE;
	}
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return EX_OSERR;
	work(NULL);
	return EX_OK;
}
