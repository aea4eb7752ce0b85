/*
 * The sockets that relay-stone listens on: TCP or Unix.
 */
#ifndef STONE_LISTENER_H
#define STONE_LISTENER_H

#include "base/failure.h"
#include "stone/endpoint.h"

#include <stddef.h>

/*
 * Opens a non-blocking, close-on-exec listener. A Unix socket is for this user
 * alone (umask), and takes the place of one that nobody listens on any more.
 * Returns the fd, which the caller closes, or -1 with a reason in f.
 */
int listener_open(const struct stone_listen *where, struct failure *f);

#endif
