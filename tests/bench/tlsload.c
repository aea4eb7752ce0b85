/*
 * tlsload: makes many TLS connections to the relay, several at a time, as
 * agents do (handshake, poll, 200, close) or, with -s, as stones do (handshake,
 * head, the agent's answer, a request to the service, its page, the end). How
 * long each took, from connect to the answer's first bytes, it tells as
 *
 *	done N failed N seconds S
 *	p50 MS p99 MS max MS
 *
 * With -i its agents stay instead, idle, until standard input ends; "idle N"
 * says that all are there. So it is with -p, once the relay has parked each,
 * and with -b, of which each that is lost comes back, as relayagent's do.
 *
 * usage: tlsload [-i | -p | -b | -s] port cert key ca connections threads
 */
#include "base/backoff.h"
#include "ipc/parked_signs.h"
#include "timing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define THREADS_MAX   1024
#define RETURNING_MAX 128    /* at a time: each waits until it is parked */
#define STACK         262144 /* bytes, of a thread */
#define ANSWER_S      15     /* longer than the relay lets a stone wait */
#define KEEPALIVE_MS  30000  /* as relayagent does */
#define LOOK_MS       1000   /* from one look for who was lost to the next */
#define BACK_MS       45000  /* likewise: at any moment up to then */
#define AGAIN_MIN_MS  1000   /* where that fails: likewise, and twice as long */
#define AGAIN_MAX_MS  60000  /* each time up to this */

static const char usage[] =
    "usage: tlsload [-i | -p | -b | -s] port cert key ca connections threads\n";

static SSL_CTX *ctx;
static struct sockaddr_in server;
static int stays, parks, returns, is_stone;
static size_t total;
static atomic_size_t next, failed;
static double *took; /* milliseconds, of those that did not fail */
static atomic_size_t ntook;
struct agent {
	SSL *idle;            /* NULL: it is not, or parked */
	atomic_int parked;    /* without TLS; 0: it is not */
	_Atomic double back;  /* when it is to come back; 0: it is not */
	struct backoff again; /* as relayagent(1) has it */
};

static struct agent *agents;
static size_t *due, given; /* who comes back, each once */
static atomic_size_t taken;
static sem_t is_due;
static pthread_t thread[THREADS_MAX];

/* ---- one connection ---- */

/* Returns a connected socket, or -1. */
static int
dial(void)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	const struct linger reset = {.l_onoff = 1};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	/* no TIME_WAIT: the ports must last */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
say(SSL *ssl, const char *text)
{
	return SSL_write(ssl, text, (int)strlen(text)) > 0 ? 0 : -1;
}

/* Returns 0 once the first bytes of a good answer have come. */
static int
ask(SSL *ssl)
{
	char buf[1024];

	const char *head =
	    is_stone ? "GET / HTTP/1.1\r\n\r\n"
	    : parks  ? "GET /KLAB/poll HTTP/1.1\r\nX-Ver: 2 tlsload\r\n"
		       "X-Park: 1\r\n\r\n"
		     : "GET /KLAB/poll HTTP/1.1\r\nX-Ver: 2 tlsload\r\n\r\n";

	if (SSL_connect(ssl) != 1 || say(ssl, head) == -1)
		return -1;
	return SSL_read(ssl, buf, sizeof(buf)) >= 12 &&
		       memcmp(buf, "HTTP/1.1 200", 12) == 0
		   ? 0
		   : -1;
}

/* Uses the session: a page of the service. Returns 0 once it has ended. */
static int
fetch_page(SSL *ssl)
{
	char buf[4096];
	int n, len = 0;

	if (say(ssl, "GET / HTTP/1.0\r\n\r\n") == -1)
		return -1;
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		len += n;
	return len > 0 ? 0 : -1;
}

/* The relay ends TLS, and so do we. Returns 0, or -1. */
static int
park(SSL *ssl)
{
	char buf[64];
	int n;

	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		;
	return SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN &&
		       SSL_shutdown(ssl) >= 0
		   ? 0
		   : -1;
}

static void
finish(SSL *ssl, int fd)
{
	if (ssl != NULL && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	SSL_free(ssl);
	if (fd != -1)
		close(fd);
}

static int
run_once(size_t i)
{
	double start = timing_now();
	int fd = dial(), rc = -1;
	SSL *ssl = SSL_new(ctx);

	if (fd != -1 && ssl != NULL && SSL_set_fd(ssl, fd) == 1 &&
	    ask(ssl) == 0) {
		size_t n = atomic_fetch_add(&ntook, 1);

		if (n < total) /* who comes back comes once more */
			took[n] = timing_now() - start;
		rc = is_stone ? fetch_page(ssl) : parks ? park(ssl) : 0;
	}
	if (rc == 0 && parks) {
		SSL_free(ssl);
		agents[i].parked = fd;
	} else if (rc == 0 && stays)
		agents[i].idle = ssl;
	else
		finish(ssl, fd);
	return rc;
}

/* ---- all of them ---- */

static void *
work(void *arg)
{
	size_t i;

	while ((i = atomic_fetch_add(&next, 1)) < total)
		if (run_once(i) == -1)
			atomic_fetch_add(&failed, 1);
	return arg;
}

/* Sends an agent's empty line, and reads what the relay has sent of these. */
static void
keep_alive(SSL *ssl)
{
	struct pollfd pfd = {.fd = SSL_get_fd(ssl), .events = POLLIN};
	char buf[64];

	say(ssl, "\r\n");
	while (poll(&pfd, 1, 0) == 1 && SSL_read(ssl, buf, sizeof(buf)) > 0)
		;
}

/* The same of one that is parked. */
static void
give_sign(int fd)
{
	char buf[64];

	send(fd, PARKED_SIGN, PARKED_SIGN_SIZE, MSG_NOSIGNAL);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* ---- those that were lost ---- */

static void
come_back_later(size_t i)
{
	backoff_init(&agents[i].again, AGAIN_MIN_MS, AGAIN_MAX_MS);
	agents[i].back = timing_now() + drand48() * BACK_MS;
}

/* The parked agent i may have been: then it is to come back. */
static void
find_lost(size_t i)
{
	char byte;
	ssize_t n = recv(agents[i].parked, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == 1 || (n == -1 && errno == EAGAIN))
		return;
	close(agents[i].parked);
	agents[i].parked = 0;
	come_back_later(i);
}

static void *
come_back(void *arg)
{
	for (;;) {
		size_t i;

		if (sem_wait(&is_due) == -1)
			continue;
		i = due[atomic_fetch_add(&taken, 1) % total];
		if (run_once(i) == -1)
			agents[i].back = timing_now() +
					 (double)backoff_next(&agents[i].again);
	}
	return arg;
}

static void
begin_anew(size_t i)
{
	agents[i].back = 0;
	due[given++ % total] = i;
	sem_post(&is_due);
}

static void
look_for_lost(void)
{
	const double now = timing_now();

	for (size_t i = 0; i < total; i++)
		if (agents[i].parked != 0)
			find_lost(i);
		else if (agents[i].back != 0 && agents[i].back <= now)
			begin_anew(i);
}

/* ---- all that stay ---- */

static int
start_threads(size_t n, void *(*run)(void *))
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (size_t i = 0; i < n; i++)
		if (pthread_create(&thread[i], &attr, run, NULL) != 0)
			return -1;
	return 0;
}

/* Keeps all alive, each in its turn, until standard input ends. */
static void
stay(void)
{
	struct pollfd pfd = {.fd = STDIN_FILENO, .events = POLLIN};
	int pause = (parks ? PARKED_INTERVAL * 1000 : KEEPALIVE_MS) /
		    (int)total;
	double looked = 0;
	size_t i = 0;

	if (returns && start_threads(RETURNING_MAX, come_back) == -1)
		exit(EX_OSERR);
	printf("idle %zu\n", total - failed);
	while (poll(&pfd, 1, pause > 0 ? pause : 1) == 0) {
		if (agents[i].idle != NULL)
			keep_alive(agents[i].idle);
		if (agents[i].parked != 0)
			give_sign(agents[i].parked);
		i = (i + 1) % total;
		if (returns && timing_now() - looked > LOOK_MS) {
			look_for_lost();
			looked = timing_now();
		}
	}
}

static int
run_threads(size_t n)
{
	if (start_threads(n, work) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static SSL_CTX *
make_context(const char *cert, const char *key, const char *ca)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_use_certificate_file(c, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(c, ca, NULL) != 1)
		return NULL;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	/* thousands may be held */
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	return c;
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "ipbs")) != -1) {
		if (c == 'i')
			stays = 1;
		else if (c == 'p')
			stays = parks = 1;
		else if (c == 'b')
			stays = parks = returns = 1;
		else if (c == 's')
			is_stone = 1;
		else
			exit(EX_USAGE);
	}
	if (argc - optind != 6 || (stays && is_stone)) {
		fputs(usage, stderr);
		exit(EX_USAGE);
	}
}

int
main(int argc, char **argv)
{
	size_t nthreads;
	double start;

	if (setvbuf(stdout, NULL, _IOLBF, 0) != 0)
		return EX_OSERR;
	parse_options(argc, argv);
	argv += optind;
	total = strtoul(argv[4], NULL, 10);
	nthreads = strtoul(argv[5], NULL, 10);
	if (total < 1 || nthreads < 1 || nthreads > THREADS_MAX) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)strtoul(argv[0], NULL, 10));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	took = calloc(total, sizeof(*took));
	agents = calloc(total, sizeof(*agents));
	due = calloc(total, sizeof(*due));
	srand48(getpid());
	ctx = make_context(argv[1], argv[2], argv[3]);
	if (took == NULL || agents == NULL || due == NULL || ctx == NULL) {
		fputs(
		    "tlsload: certificate, key or CA cannot be used\n", stderr);
		return EX_NOINPUT;
	}
	start = timing_now();
	if (run_threads(nthreads) == -1) {
		fputs("tlsload: no more threads\n", stderr);
		return EX_OSERR;
	}
	if (stays) {
		stay();
		return EX_OK;
	}
	printf("done %zu failed %zu seconds %.4f\n", total, (size_t)failed,
	    (timing_now() - start) / 1e3);
	timing_print(took, ntook);
	return EX_OK;
}
