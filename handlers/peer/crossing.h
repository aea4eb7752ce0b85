/*
 * A crossing: a session of which one end is at another relay. To this relay's
 * broker, and to the handler of the end that is here, its process is the other
 * handler. What both directions have in common.
 */
#ifndef PEER_CROSSING_H
#define PEER_CROSSING_H

#include "connection/state.h"
#include "peer/offer.h"

#include <stdint.h>

/* Milliseconds. */
#define CROSSING_SEND_MS 2000 /* for a frame to leave */
#define CROSSING_HEAD_MS 1000 /* for the head, once both ends are held */
#define CROSSING_TAKE_MS 2500 /* for the agent to take it, and us to hear */

/*
 * Begins h as that of a crossing, for an end of this role in place of the one
 * at node. o, which has the stone's certificate, must outlive it. Returns 0,
 * or -1 with errno.
 */
int crossing_init(struct handler *h, const struct relay_conf *conf,
    enum role role, const char *node, const char *peer, const struct offer *o);

/*
 * Receives what the broker says, and obeys orders; waits until deadline
 * (base/deadline.h) or something is to be had at other (-1: nothing). Returns
 * the message's type, 0 where that time has come or other is ready, or -1
 * where it has to end: the broker left, or says so (then h->removal is set).
 */
int crossing_listen(
    struct handler *h, struct wire_packet *packet, int other, int64_t deadline);

/* Opens the hop that came with MATCHED. Returns 0, or -1 with errno. */
int crossing_join(struct handler *h, const struct wire_packet *packet);

/* Whether the other relay speaks the newest version (frame.h), too. */
int crossing_is_newest(const struct handler *h);

/*
 * Whether the connection between the two relays may leave TLS, as far as this
 * relay says, and if the other can.
 */
int crossing_can_go_bare(const struct handler *h);

/*
 * Waits for one packet of the hop, plain or the same with the mark, until
 * deadline; h->hop.marked says which. Returns its length, or -1.
 */
ssize_t crossing_hop_read(struct handler *h, enum hop_type plain,
    enum hop_type with_mark, void *buf, size_t size, int64_t deadline);

/* Joins the two to their end, bare where they may; h->splice is ready. */
void crossing_run(struct handler *h);

/* Gives all back; h may begin anew. */
void crossing_close(struct handler *h);

/* Tells the other relay, and hangs up in order. */
void crossing_refuse(struct channel *ch, enum refused_scope scope, int status,
    const char *reason);

/*
 * The stone's certificate, as a handler has that of its client. Returns 0, or
 * -1 where it cannot be read.
 */
int crossing_subject(struct reverify_subject *subject, const struct offer *o);

#endif
