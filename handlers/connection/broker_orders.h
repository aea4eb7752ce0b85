/*
 * What the broker may tell a handler in any state: to end, to check its
 * client's certificate again, to log more or less. And what ends a handler
 * without the broker: its client's certificate expires.
 */
#ifndef CONNECTION_BROKER_ORDERS_H
#define CONNECTION_BROKER_ORDERS_H

#include "connection/state.h"

/*
 * Obeys the message in packet and closes the fds that came with it. Returns 1
 * where the handler must end, as h->removal then says; else 0. Passes over
 * every message that is no such order.
 */
int broker_orders_obey(struct handler *h, struct wire_packet *packet);

/* Returns 1, likewise, once the client's certificate has expired; else 0. */
int broker_orders_expired(struct handler *h);

/*
 * What serves the broker while the session's bytes move: obeys it, reports to
 * it how much has moved, and stops the splice where the handler must end.
 */
struct splice_control broker_orders_control(struct handler *h);

/* What has been moved since the session began, and how (enum session_tls). */
struct broker_orders_account {
	uint64_t in, out; /* bytes from and to the client, as far as they came
			     by here */
	uint32_t tls;
};

struct broker_orders_account broker_orders_account(const struct handler *h);

#endif
