/*
 * What the broker may tell a handler in any state: end, check your client's
 * certificate again, log more or less. And the one order that a handler gives
 * itself: the certificate's time is over.
 */
#ifndef CONNECTION_BROKER_ORDERS_H
#define CONNECTION_BROKER_ORDERS_H

#include "connection/state.h"

/*
 * Obeys a message, and closes what came with it. Returns 1 where the handler
 * must end, and says in h->removal how; 0 where all goes on. Messages that are
 * no orders are passed over.
 */
int broker_orders_obey(struct handler *h, struct wire_packet *packet);

/* Likewise, where the client's certificate has ended by now. */
int broker_orders_expired(struct handler *h);

/*
 * Serves the broker while a session is spliced, reports how much has moved, and
 * stops the splice where the handler must end. hop is the other channel.
 */
struct splice_control broker_orders_control(
    struct handler *h, struct channel *hop);

#endif
