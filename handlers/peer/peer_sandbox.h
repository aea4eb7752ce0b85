/*
 * The sandboxes of relay-peer: of its loop, and of a process for one crossing,
 * before it reads a byte of another relay.
 */
#ifndef PEER_PEER_SANDBOX_H
#define PEER_PEER_SANDBOX_H

#include "peer/peerd.h"

/*
 * The loop's, which makes the others ready: it accepts, reads the files that
 * conf names, and may connect to the ports of the peers. Returns 0, or -1 with
 * errno.
 */
int peer_sandbox_enter(const struct peerd *p);

/*
 * A child's: no file, no process, and where it does not dial, no connection of
 * the network but its own. Returns likewise.
 */
int peer_sandbox_child(int dials);

#endif
