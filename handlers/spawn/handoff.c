/* The hand-over of an accepted connection: see handoff.h. */
#define _GNU_SOURCE
#include "spawn/handoff.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "ipc/ipc_socket.h"
#include "ipc/wire.h"
#include "spawn/handoff_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int
handoff_trusts(int sock, uid_t other, struct rights *who)
{
	*who = (struct rights){.uid = (uid_t)-1};
	return rights_of_peer(who, sock, (gid_t)-1) == 0 &&
	       (who->uid == 0 || who->uid == geteuid() || who->uid == other);
}

/* Receives a message of this type, in time. Returns 0, or -1 with errno. */
static int
receive(int peer, enum message_type type, struct wire_packet *packet)
{
	if (wire_receive_by(peer, packet, deadline_in(HANDOFF_ANSWER_MS)) == -1)
		return -1;
	if (packet->message.type == type)
		return 0;
	wire_close_fds(packet);
	errno = EPROTO;
	return -1;
}

/* ---- relay-handoff ---- */

/*
 * The relay's user, though the process is a handler's: whose the folder of the
 * socket is, where no other could have made it.
 */
static uid_t
owner_of_folder(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	if (snprintf(folder, sizeof(folder), "%s", path) >=
		(int)sizeof(folder) ||
	    stat(dirname(folder), &st) == -1 || (st.st_mode & 022) != 0)
		return geteuid();
	return st.st_uid;
}

int
handoff_give(const char *path, int sock)
{
	static struct wire_packet packet; /* likewise */
	const struct message m = {.type = MESSAGE_HANDOFF};
	struct rights who;
	int peer = ipc_socket_connect(path);

	packet.fds[WIRE_SOCKET] = packet.fds[WIRE_MEMORY] = -1;
	if (peer == -1)
		return -1;
	/* who serves it may be past the call that would make it so */
	if (fd_nonblock(sock) == -1)
		goto out;
	if (!handoff_trusts(peer, owner_of_folder(path), &who))
		errno = EPERM;
	else if (receive(peer, MESSAGE_READY, &packet) == 0 &&
		 wire_send(peer, &m, &sock) == -1)
		fd_close(&packet.fds[WIRE_SOCKET]);
out:
	fd_close(&peer);
	return packet.fds[WIRE_SOCKET];
}

void
handoff_wait(int lifeline)
{
	static const int signals[] = {SIGTERM, SIGINT, 0};
	/* without it such a signal ends us, which the handler notices too */
	int sigfd = program_signals(signals);
	struct signalfd_siginfo info;
	struct pollfd pfd[2] = {
	    {.fd = lifeline},
	    {.fd = sigfd, .events = POLLIN},
	};

	/* who can't be confined ends, and the handler with it */
	if (handoff_sandbox_enter() == -1)
		return;
	while (poll(pfd, 2, -1) == -1 || pfd[0].revents == 0)
		if (read(sigfd, &info, sizeof(info)) == sizeof(info))
			shutdown(lifeline, SHUT_WR);
}

/* ---- the handler ---- */

/*
 * The end of the other end is a SIGTERM by F_SETSIG of fcntl(2), which on Linux
 * holds for Unix sockets. The lifeline is not the socket where messages come:
 * their arrival would be one too, at a later time than their receipt.
 */
int
handoff_lifeline(pid_t handler, int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return -1;
	if (fcntl(ends[0], F_SETOWN, handler) == 0 &&
	    fcntl(ends[0], F_SETSIG, SIGTERM) == 0 &&
	    fcntl(ends[0], F_SETFL, O_ASYNC) == 0)
		return 0;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return -1;
}

int
handoff_take(int peer, int other_end)
{
	static struct wire_packet packet; /* no pages of stack for it */
	const struct message m = {.type = MESSAGE_READY};

	packet.fds[WIRE_SOCKET] = packet.fds[WIRE_MEMORY] = -1;
	if (wire_send(peer, &m, &other_end) == 0)
		receive(peer, MESSAGE_HANDOFF, &packet);
	return packet.fds[WIRE_SOCKET];
}
