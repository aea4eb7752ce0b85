/*
 * The sandbox of relay-presence: it reads the files that relay.conf(5) names,
 * and connects to the broker and the ports of the store.
 */
#ifndef PRESENCE_PRESENCE_SANDBOX_H
#define PRESENCE_PRESENCE_SANDBOX_H

#include "presence/settings.h"

/* Enters it. Returns 0, or -1 with errno. */
int presence_sandbox_enter(const struct settings *s);

#endif
