/*
 * What another relay has to see of a stone (relay-peer(8)), behind its
 * certificate in the handler's der: what the client presented above that, and
 * the messages of the handshake by which it proved that it has the key. Without
 * room, or memory, another relay gets none.
 */
#ifndef CONNECTION_CARRIED_H
#define CONNECTION_CARRIED_H

#include "connection/state.h"
#include "tls/transcript.h"

/*
 * Whether a proof is to be carried: then the time has to be in it, which the
 * relay there looks at.
 */
int carried_has_proof(const struct relay_conf *conf);

/* Takes it, where there are other relays, once the client has proved itself. */
void carried_take(struct handler *h, const struct transcript *t);

/* Nobody asks for it any more. Also where none was taken. */
void carried_drop(struct handler *h);

#endif
