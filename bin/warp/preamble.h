/*
 * What a .warp file says outside of its PEM objects (warp(5)).
 */
#ifndef WARP_PREAMBLE_H
#define WARP_PREAMBLE_H

#include "base/failure.h"
#include "tls/pem_text.h"
#include "warp/relays.h"

/*
 * Finds the lines "relay = host:port" of t, the file at path. All else is for
 * people. Returns 0, or -1 with a reason in f.
 */
int preamble_relays(struct relays *relays, const struct pem_text *t,
    const char *path, struct failure *f);

#endif
