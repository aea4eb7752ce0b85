/*
 * relay-stone --install: what the command line says becomes a service of this
 * host.
 */
#ifndef STONE_INSTALL_H
#define STONE_INSTALL_H

#include "stone/forward.h"

/*
 * Makes relay-stone@NAME of the command line of set, which was read and is
 * good, and of the NAME.warp in it, see warp/service.h. Says what was done, or
 * fails as program_fail does. Returns EX_OK.
 */
int stone_install(const struct forwards *set);

#endif
