/*
 * What things are called in the store. Of a customer's key there is only a
 * digest with the relays' secret: who reads the store learns no identity.
 */
#ifndef PRESENCE_NAMES_H
#define PRESENCE_NAMES_H

#include "config/entitlement.h"
#include "presence/settings.h"

#define NAMES_NODES "vw:nodes" /* a set: who has ever been there */

#define NAMES_KEY_SIZE   70 /* "vw:a:" and a digest in hex, with the NUL */
#define NAMES_LEASE_SIZE (NODE_NAME_SIZE + 5)

/* The hash of who has agents of key: "vw:a:DIGEST". Returns 0 or -1. */
int names_agents(char name[static NAMES_KEY_SIZE],
    const uint8_t secret[static SETTINGS_DIGEST],
    const struct customer_key *key);

/* The hash of who has how many sessions of key: "vw:u:DIGEST". Likewise. */
int names_usage(char name[static NAMES_KEY_SIZE],
    const uint8_t secret[static SETTINGS_DIGEST],
    const struct customer_key *key);

/* What says that a relay lives: "vw:n:NODE". */
void names_lease(char name[static NAMES_LEASE_SIZE], const char *node);

#endif
