/*
 * The handler: the life of one TLS connection to the relay, as the states of
 * a machine. It knows this connection, its broker, and nothing else.
 */
#ifndef CONNECTION_HANDLER_H
#define CONNECTION_HANDLER_H

#include "config/relay_conf.h"
#include "ipc/message.h"
#include "tls/tls.h"

/*
 * Serves the accepted connection sock, which it closes, until it ends. material
 * is forgotten (tls_forget) after the handshake, so the process must be its
 * own: one process, one connection. SIGTERM ends one that waits and lets a
 * session run on; SIGUSR2, blocked like it, does so to an agent alone. Must not
 * be called as root. As the broker lets it in, it writes its pid to tell, which
 * it closes; -1: nobody wants to know (spawn/arrivals.h). woken is what the
 * broker said of an agent that was parked; NULL: who connects has just come.
 * Returns a sysexits(3) code.
 */
int handler_run(int sock, int tell, const struct relay_conf *conf,
    struct tls_material *material, const struct message_wake *woken);

#endif
