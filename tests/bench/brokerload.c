/*
 * brokerload: is many handlers at once to the broker, without TLS and without
 * clients. Standard input says what to do, one command a line; each is
 * answered by one line:
 *
 *	wait N		be N agents that wait, in all	waiting N
 *	register N	let N agents come and leave	p50 MS p99 MS max MS
 *	pair N PAUSE	let N stones come, PAUSE us	work MS and the same
 *			apart, each to an agent that
 *			then comes again
 *
 * What a pairing takes is told from the stone's connect to its MATCHED. Work is
 * the most CPU time that the broker used within one: a virtual machine's CPUs
 * stand still now and then, and the clock on the wall does not.
 *
 * usage: brokerload socket
 */
#define _GNU_SOURCE
#include "base/fd.h"
#include "ipc/ipc_socket.h"
#include "ipc/wire.h"
#include "timing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define PER_CERTIFICATE 10  /* agents that wait with one certificate */
#define DER_LEN         450 /* bytes; as those that relay-ca makes */
#define BURST           50  /* handlers that come at once */
#define ANSWER_MS       10000

static const char *path;
static int *agents; /* fds, those of one certificate side by side */
static size_t nagents, agents_max;
static uint8_t *oldest;        /* of each certificate: who is matched next */
static clockid_t broker_clock; /* the CPU time that it has used */

static void
fail(const char *what)
{
	perror(what);
	exit(EX_UNAVAILABLE);
}

/* ---- one handler ---- */

/* Waits for a message of this type; returns the session it is about, if any. */
static uint32_t
await(int fd, enum message_type type)
{
	struct wire_packet packet;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (poll(&pfd, 1, ANSWER_MS) != 1 ||
		    wire_receive(fd, &packet) != 1)
			fail("brokerload: no answer");
		wire_close_fds(&packet);
		if (packet.message.type == type)
			break;
		if (packet.message.type == MESSAGE_REFUSED)
			fail(packet.message.u.refused.reason);
	}
	return type == MESSAGE_MATCHED ? packet.message.u.matched.session : 0;
}

/* Returns the fd of a handler that has asked to be let in. */
static int
knock(enum role role, size_t certificate)
{
	/* the least that is a certificate: a long serial number */
	uint8_t der[DER_LEN] = {0x30, 0x82, 0, 0, 0x30, 0x82, 0, 0, 2, 0x82};
	const unsigned sizes[][2] = {
	    {2, DER_LEN - 4}, {6, DER_LEN - 14}, {10, DER_LEN - 20}};
	struct message m = {.type = MESSAGE_REGISTER, .der = der};
	int fd = ipc_socket_connect(path);

	for (size_t i = 0; i < 3; i++) {
		der[sizes[i][0]] = (uint8_t)(sizes[i][1] >> 8);
		der[sizes[i][0] + 1] = (uint8_t)sizes[i][1];
	}
	memcpy(der + 12, &certificate, sizeof(certificate));
	memcpy(der + DER_LEN - 8, "\x30\0\x30\0\3\2\0\0", 8);
	m.u.reg.role = role;
	m.u.reg.der_len = DER_LEN;
	m.u.reg.wants = role == ROLE_STONE ? CUSTOMER_FORWARD : 0;
	snprintf(m.u.reg.peer, sizeof(m.u.reg.peer), "192.0.2.1:%zu",
	    certificate % 65536);
	if (fd == -1 || wire_send(fd, &m, NULL) == -1)
		fail("brokerload: register");
	return fd;
}

/* Returns the fd of a handler that is welcome. */
static int
come(enum role role, size_t certificate)
{
	int fd = knock(role, certificate);

	await(fd, MESSAGE_WELCOME);
	return fd;
}

static void
leave(int fd, uint32_t session)
{
	struct message m = {.type = MESSAGE_END};

	m.u.end.session = session;
	m.u.end.reason = END_DONE;
	if (wire_send(fd, &m, NULL) == -1)
		fail("brokerload: end");
	close(fd);
}

/* ---- commands ---- */

static void
wait_in_all(size_t n)
{
	for (; nagents < n && nagents < agents_max; nagents++)
		agents[nagents] = come(ROLE_AGENT, nagents / PER_CERTIFICATE);
	printf("waiting %zu\n", nagents);
}

/* In bursts, as after an outage. */
static void
register_some(double *took, size_t n)
{
	int fds[BURST] = {0};

	for (size_t done = 0; done < n; done += BURST) {
		size_t burst = n - done < BURST ? n - done : BURST;
		double start = timing_now();

		for (size_t i = 0; i < burst; i++)
			fds[i] = knock(ROLE_AGENT, agents_max + done + i);
		for (size_t i = 0; i < burst; i++) {
			await(fds[i], MESSAGE_WELCOME);
			took[done + i] = timing_now() - start;
		}
		for (size_t i = 0; i < burst; i++)
			close(fds[i]);
	}
}

/*
 * A stone to the oldest agent of this certificate; returns what it took, and
 * what of it the broker worked.
 */
static double
pair_once(size_t certificate, double *work)
{
	size_t i = certificate * PER_CERTIFICATE + oldest[certificate];
	double worked = timing_of(broker_clock), start = timing_now(), took;
	int stone = come(ROLE_STONE, certificate);
	uint32_t session = await(stone, MESSAGE_MATCHED);

	took = timing_now() - start;
	*work = timing_of(broker_clock) - worked;
	await(agents[i], MESSAGE_MATCHED);
	leave(stone, session);
	leave(agents[i], session);
	agents[i] = come(ROLE_AGENT, certificate);
	oldest[certificate] = (uint8_t)((oldest[certificate] + 1) %
					PER_CERTIFICATE);
	return took;
}

static void
pair_some(double *took, size_t n, unsigned pause_us)
{
	double work, most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t certificate = (size_t)random() %
				     (nagents / PER_CERTIFICATE);

		took[i] = pair_once(certificate, &work);
		most = work > most ? work : most;
		if (pause_us > 0)
			usleep(pause_us);
	}
	printf("work %.4f ", most);
}

static void
find_broker_clock(void)
{
	struct ucred broker;
	socklen_t len = sizeof(broker);
	int fd = ipc_socket_connect(path);

	if (fd == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &broker, &len) == -1)
		fail("brokerload: broker");
	close(fd);
	if ((errno = clock_getcpuclockid(broker.pid, &broker_clock)) != 0)
		fail("brokerload: the broker's clock");
}

static void
obey(const char *line)
{
	size_t n = 0;
	unsigned pause_us = 0;
	char word[16];
	double *took;

	if (sscanf(line, "%15s %zu %u", word, &n, &pause_us) < 2 || n == 0)
		exit(EX_USAGE);
	if (strcmp(word, "wait") == 0) {
		wait_in_all(n);
		return;
	}
	took = calloc(n, sizeof(*took));
	if (took == NULL)
		fail("brokerload");
	if (strcmp(word, "register") == 0)
		register_some(took, n);
	else if (strcmp(word, "pair") == 0 && nagents >= PER_CERTIFICATE)
		pair_some(took, n, pause_us);
	else
		exit(EX_USAGE);
	timing_print(took, n);
	free(took);
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	char line[64];

	if (argc != 2) {
		fputs("usage: brokerload socket\n", stderr);
		return EX_USAGE;
	}
	path = argv[1];
	if (setvbuf(stdout, NULL, _IOLBF, 0) != 0 ||
	    getrlimit(RLIMIT_NOFILE, &files) == -1)
		fail("brokerload");
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	agents_max = (size_t)files.rlim_max;
	agents = calloc(agents_max, sizeof(*agents));
	oldest = calloc(agents_max / PER_CERTIFICATE + 1, sizeof(*oldest));
	if (agents == NULL || oldest == NULL)
		fail("brokerload");
	find_broker_clock();
	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(line);
	return EX_OK;
}
