/*
 * The Unix sockets where processes of the relay meet: handlers the broker, and
 * relay-handoff(8) the spawner.
 */
#ifndef IPC_IPC_SOCKET_H
#define IPC_IPC_SOCKET_H

#include "base/failure.h"

#include <stddef.h>
#include <sys/types.h>

#define IPC_SOCKET_GROUPS 2

/* Whose a socket is, and who may connect to it beside its owner and root. */
struct ipc_socket_access {
	uid_t uid;
	gid_t gid;
	gid_t groups[IPC_SOCKET_GROUPS]; /* their members; (gid_t)-1: none */
};

/*
 * Listens on path, a SOCK_SEQPACKET socket that those in access may connect to
 * (the listener asks who it is all the same). If the process is root, it makes
 * the folder where that is missing, owned by their uid and gid, and acts as
 * these in it: what the folder's owner puts there must not lead root astray. A
 * socket left by a dead process is replaced; a live one, which holds a lock on
 * path.lock until *lock is closed, is not. Not for threads: it changes the
 * umask. Returns the non-blocking listener and sets *lock (the caller closes
 * both), or -1 with a reason in f.
 */
int ipc_socket_listen(const char *path, const struct ipc_socket_access *access,
    int *lock, struct failure *f);

/*
 * Connects to the listener at path. Returns a non-blocking, close-on-exec fd,
 * which the caller closes, or -1 with errno.
 */
int ipc_socket_connect(const char *path);

/*
 * What shows the broker a spawner, and not one of its handlers, which may be
 * the same user: a listener, that nobody connects to. A handler's sandbox lets
 * it make none (connection/handler_sandbox.c), and it must not inherit one.
 * Returns the fd, which the caller closes, or -1 with errno.
 */
int ipc_socket_badge(void);

/* Whether fd, of any kind, is such a thing. */
int ipc_socket_is_badge(int fd);

#endif
