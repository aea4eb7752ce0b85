/* The broker's sandbox: what it may do once it is set up. */
#ifndef BROKER_SANDBOX_H
#define BROKER_SANDBOX_H

#include "config/relay_conf.h"

/*
 * From now on the process may read in the folders of the files that conf
 * names, remove its socket, and talk to whom connects: it can open no other
 * file, no network, and no program. Logs what the kernel lacks for that.
 * Returns 0, or -1 with errno.
 */
int broker_sandbox_enter(const struct relay_conf *conf);

#endif
