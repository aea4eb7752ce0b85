/* The sandbox of relay-listen itself, which its handlers inherit. */
#ifndef SPAWN_LISTEN_SANDBOX_H
#define SPAWN_LISTEN_SANDBOX_H

#include "config/relay_conf.h"

/*
 * From now on the process may accept, fork, signal its children, and read in
 * the folders of the files that conf names. Makes the sandbox of the handlers
 * ready, too. Logs what the kernel lacks. Returns 0, or -1 with errno.
 */
int listen_sandbox_enter(const struct relay_conf *conf);

#endif
