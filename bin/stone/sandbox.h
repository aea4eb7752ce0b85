/* The sandbox of relay-stone: of what accepts, and of its sessions. */
#ifndef STONE_SANDBOX_H
#define STONE_SANDBOX_H

#include "stone/forward.h"

/*
 * The server may read files, listen, fork, and signal its children; and what
 * its sessions may. Logs what the kernel lacks. Returns 0, or -1 with errno.
 */
int stone_sandbox_enter(const struct forwards *set);

/* The sessions to come may connect where set leads. Returns 0, or -1. */
int stone_sandbox_renew(const struct forwards *set);

/* In a session: connect where it leads, look names up, and read the files of
 * -q capath. Likewise. */
int stone_sandbox_session(void);

#endif
