/*
 * pingpong: sends one byte to a port of this host, waits for one byte, and so
 * on; tells how long that took each time: "p50 MS p99 MS max MS". With a pause,
 * in milliseconds, before each it is somebody who types. As "echo" it is the
 * service that answers, one process a connection, until it is killed.
 *
 * usage: pingpong port rounds [pause]
 *        pingpong echo port
 */
#include "timing.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define WARM_UP  100 /* rounds that do not count */
#define ANSWER_S 10

static int
tcp_socket(void)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static struct sockaddr_in
address(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* ---- echo ---- */

static void
serve(int fd)
{
	const struct timeval forever = {0};
	const int on = 1;
	char buf[4096];
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			return;
}

static int
echo(const char *port)
{
	const struct sockaddr_in addr = address(port);
	int fd = tcp_socket();

	signal(SIGCHLD, SIG_IGN); /* none is waited for */
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == -1 ||
	    listen(fd, SOMAXCONN) == -1) {
		perror("pingpong: listen");
		return EX_UNAVAILABLE;
	}
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client == -1)
			continue;
		if (fork() == 0) {
			serve(client);
			_exit(EX_OK);
		}
		close(client);
	}
}

/* ---- client ---- */

static int
ping(int fd)
{
	char byte = 'x';

	return write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1 ? 0 : -1;
}

/*
 * Plays that many rounds, each pause milliseconds after the one before, and
 * notes what each took. Returns 0, or -1.
 */
static int
play(int fd, double *took, size_t rounds, long pause)
{
	const struct timespec rest = {pause / 1000, pause % 1000 * 1000000};

	for (size_t i = 0; i < rounds; i++) {
		double start;

		if (pause > 0)
			nanosleep(&rest, NULL);
		start = timing_now();
		if (ping(fd) == -1)
			return -1;
		took[i] = timing_now() - start;
	}
	return 0;
}

static int
play_and_tell(const char *port, size_t rounds, long pause)
{
	const struct sockaddr_in addr = address(port);
	const size_t warm_up = pause > 0 ? 0 : WARM_UP;
	double *took = calloc(rounds + warm_up, sizeof(*took));
	int fd, rc = EX_UNAVAILABLE;

	if (took == NULL)
		return EX_OSERR;
	fd = tcp_socket();
	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    play(fd, took, rounds + warm_up, pause) == 0) {
		timing_print(took + warm_up, rounds);
		rc = EX_OK;
	} else {
		perror("pingpong: no answer");
	}
	if (fd != -1)
		close(fd);
	free(took);
	return rc;
}

int
main(int argc, char **argv)
{
	size_t rounds;
	long pause;

	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(argv[2]);
	rounds = argc == 3 || argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	pause = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	if (rounds == 0) {
		fputs("usage: pingpong port rounds [pause]\n"
		      "       pingpong echo port\n",
		    stderr);
		return EX_USAGE;
	}
	return play_and_tell(argv[1], rounds, pause);
}
