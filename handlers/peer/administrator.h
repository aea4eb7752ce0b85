/*
 * An administrator who has connected to relay-peer in place of a relay, with a
 * certificate that says so: has this relay's broker do what he asks, once, and
 * answers with what it says.
 */
#ifndef PEER_ADMINISTRATOR_H
#define PEER_ADMINISTRATOR_H

#include "channel/channel.h"
#include "config/relay_conf.h"

/*
 * Serves ch, whose TLS is complete, of the administrator called name at from,
 * an address. What he asks for is logged.
 */
void administrator_serve(struct channel *ch, const struct relay_conf *conf,
    const char *name, const char *from);

#endif
