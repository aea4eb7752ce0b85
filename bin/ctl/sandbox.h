/* The sandbox of relayctl, which runs as root. */
#ifndef CTL_SANDBOX_H
#define CTL_SANDBOX_H

/*
 * From now on the process may use its connection to the broker, files and its
 * terminal: it can open no network, start no program, and signal nobody.
 * Returns 0, or -1 with errno.
 */
int ctl_sandbox_enter(void);

/*
 * Of a courier (courier.h): it may talk on what it holds, and no more.
 * Likewise.
 */
int ctl_sandbox_courier(void);

/* The same as relayctl's, and it may keep the ledger. */
int ctl_sandbox_ledger(void);

#endif
