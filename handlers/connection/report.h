/*
 * What a handler tells the broker of a client that it turns away, for people
 * who ask why (relayctl(8)). Nothing waits for it: where the broker is away, or
 * busy, it is not told.
 */
#ifndef CONNECTION_REPORT_H
#define CONNECTION_REPORT_H

#include "connection/state.h"
#include "tls/server.h"

/*
 * The handshake failed with this error, as tls_handshake has it, for this
 * reason.
 */
void report_handshake(struct handler *h, const struct tls_refusal *refusal,
    int error, const char *reason);

/* The client, whose certificate is good, gets this answer. */
void report_refusal(
    struct handler *h, enum refusal_kind kind, int status, const char *reason);

/* How the client's connection is, and an agent's version. */
void report_link(struct handler *h);

#endif
