/*
 * The sandbox of relay-handoff(8), which has handed its connection over.
 */
#ifndef SPAWN_HANDOFF_SANDBOX_H
#define SPAWN_HANDOFF_SANDBOX_H

/*
 * From now on this process may wait, read, shut down and close what it holds,
 * and exit by _exit(2): no more, for good; another call kills it (SIGSYS). Made
 * without libseccomp, since the program is linked to libc alone, to start fast.
 * Needs NO_NEW_PRIVS (base/harden.h). Returns 1, 0 where the kernel has no such
 * filters or the machine is one that this file does not know, or -1 with errno.
 */
int handoff_sandbox_enter(void);

#endif
