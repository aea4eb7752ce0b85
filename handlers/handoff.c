/* The hand-over of an accepted connection: see handoff.h. */
#define _GNU_SOURCE
#include "handoff.h"
#include "deadline.h"
#include "fd.h"
#include "meeting.h"
#include "program.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

int
handoff_trusts(int sock, struct rights *who)
{
	*who = (struct rights){.uid = (uid_t)-1};
	return rights_of_peer(who, sock, (gid_t)-1) == 0 &&
	       (who->uid == 0 || who->uid == geteuid());
}

/* Receives a message of this type, in time. Returns 0, or -1 with errno. */
static int
receive(int peer, enum message_type type, struct wire_packet *packet)
{
	struct pollfd pfd = {.fd = peer, .events = POLLIN};
	int64_t deadline = deadline_in(HANDOFF_ANSWER_MS);
	int rc;

	do {
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		rc = wire_receive(peer, packet);
	} while (rc == -1 && errno == EAGAIN);
	if (rc == 1 && packet->message.type == type)
		return 0;
	if (rc == 1)
		fd_close(&packet->fd);
	if (rc != -1)
		errno = rc == 0 ? ECONNRESET : EPROTO;
	return -1;
}

/* ---- relay-handoff ---- */

int
handoff_give(const char *path, int sock)
{
	const struct message m = {.type = MESSAGE_HANDOFF};
	struct wire_packet packet;
	struct rights who;
	int peer = meeting_connect(path);

	if (peer == -1)
		return -1;
	if (!handoff_trusts(peer, &who)) {
		errno = EPERM;
		goto fail;
	}
	if (receive(peer, MESSAGE_READY, &packet) == -1 ||
	    wire_send(peer, &m, sock) == -1)
		goto fail;
	return peer;
fail:
	fd_close(&peer);
	return -1;
}

void
handoff_wait(int peer)
{
	static const int signals[] = {SIGTERM, SIGINT, 0};
	/* without it such a signal ends us, which the handler notices too */
	int sigfd = program_signals(signals);
	struct signalfd_siginfo info;
	struct pollfd pfd[2] = {{.fd = peer}, {.fd = sigfd, .events = POLLIN}};

	while (poll(pfd, 2, -1) == -1 || pfd[0].revents == 0)
		if (read(sigfd, &info, sizeof(info)) == sizeof(info))
			shutdown(peer, SHUT_WR);
	fd_close(&sigfd);
}

/* ---- the handler ---- */

/* fcntl(2): F_SETSIG, on Linux, of Unix sockets too. */
static int
signal_at_end(int peer)
{
	struct pollfd pfd = {.fd = peer, .events = POLLIN};

	if (fcntl(peer, F_SETOWN, getpid()) == -1 ||
	    fcntl(peer, F_SETSIG, SIGTERM) == -1 ||
	    fcntl(peer, F_SETFL, O_NONBLOCK | O_ASYNC) == -1)
		return -1;
	/* it may have ended before */
	return poll(&pfd, 1, 0) > 0 ? raise(SIGTERM) : 0;
}

int
handoff_take(int peer)
{
	const struct message m = {.type = MESSAGE_READY};
	struct wire_packet packet;

	if (wire_send(peer, &m, -1) == -1 ||
	    receive(peer, MESSAGE_HANDOFF, &packet) == -1)
		return -1;
	if (signal_at_end(peer) == -1)
		fd_close(&packet.fd);
	return packet.fd;
}
