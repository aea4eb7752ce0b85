/*
 * A TLS client that sends KeyUpdates (RFC 8446 4.6.3), each of which asks for
 * one in return: "keyupdate HOST PORT FOLDER SECONDS", with cert.pem and
 * private.pem of FOLDER. It sends nothing else, and never reads. Says how many
 * it sent in that time, and how it ended: "sent=N ended=open", or "ended=cut"
 * where the server had enough before. With 0 for SECONDS, it sends a few of
 * them, then a request that the relay refuses, and prints the answer.
 */
#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int
dial(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	int fd;

	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return -1;
	fd = socket(ai->ai_family, SOCK_STREAM, 0);
	if (fd != -1 && connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

static SSL *
start(int fd, const char *folder)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char path[512];
	SSL *ssl;

	snprintf(path, sizeof(path), "%s/cert.pem", folder);
	if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
		return NULL;
	snprintf(path, sizeof(path), "%s/private.pem", folder);
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
		return NULL;
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	return SSL_connect(ssl) == 1 ? ssl : NULL;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
update(SSL *ssl)
{
	return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
	       SSL_do_handshake(ssl) == 1;
}

/* As often as a client may that wants to say something in the end. */
static int
send_few(SSL *ssl)
{
	static const char request[] = "GET /KLAB/none HTTP/1.1\r\n\r\n";
	char answer[256];
	int n;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 20; i++)
			if (!update(ssl))
				return 1;
		if (SSL_write(ssl, request + round, 1) != 1)
			return 1;
	}
	if (SSL_write(ssl, request + 4, sizeof(request) - 5) <= 0)
		return 1;
	n = SSL_read(ssl, answer, sizeof(answer));
	return n <= 0 || fwrite(answer, (size_t)n, 1, stdout) != 1;
}

int
main(int argc, char **argv)
{
	unsigned long sent = 0;
	double end;
	SSL *ssl;
	int fd;

	if (argc != 5)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	fd = dial(argv[1], argv[2]);
	ssl = fd == -1 ? NULL : start(fd, argv[3]);
	if (ssl == NULL)
		return 69;
	if (atof(argv[4]) == 0)
		return send_few(ssl);
	for (end = now() + atof(argv[4]); now() < end;) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};

		if (poll(&pfd, 1, 100) == 1 &&
		    (pfd.revents & (POLLERR | POLLHUP)) != 0)
			break;
		if ((pfd.revents & POLLOUT) == 0)
			continue;
		if (!update(ssl))
			break;
		sent++;
	}
	printf("sent=%lu ended=%s\n", sent, now() < end ? "cut" : "open");
	return 0;
}
