/*
 * The handler: the life of one TLS connection to the relay, as the states of
 * a machine. It knows this connection, its broker, and nothing else.
 */
#ifndef CONNECTION_HANDLER_H
#define CONNECTION_HANDLER_H

#include "config/relay_conf.h"
#include "ipc/message.h"
#include "tls/tls.h"

struct handler_task {
	int sock;    /* the accepted connection, non-blocking */
	int signals; /* of handler_enter */
	int tell;    /* to whom it writes its pid as the broker lets it in
			(spawn/arrivals.h); -1: nobody wants to know */
	int is_last; /* connection that this process serves */
	const struct message_wake *woken; /* what the broker said of an agent
			that was parked; NULL: who connects has just come */
};

/*
 * Has the process become a handler, in its sandbox, for good: once, and not as
 * root. Returns the signals, which the caller closes, or -1 where it has been
 * logged why not.
 */
int handler_enter(void);

/*
 * Serves task's connection, and closes it, until it ends. SIGTERM ends one that
 * waits and lets a session run on; SIGUSR2, blocked like it, does so to an
 * agent alone. Where it is the process's last, material is forgotten
 * (tls_forget) after the handshake; else nothing of the connection is left in
 * memory but on the stack (base/wipe.h) and where OpenSSL frees
 * (tls/wiped_heap.h). Returns 1 where the connection ended in order, and the
 * process may serve another, or 0.
 */
int handler_serve(const struct handler_task *task,
    const struct relay_conf *conf, struct tls_material *material);

#endif
