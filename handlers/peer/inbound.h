/*
 * The agent's end of a crossing: another relay has a stone, and an agent may be
 * here. To this relay's broker the process is that stone, but one that takes no
 * slot and never looks further: no crossing leads on.
 */
#ifndef PEER_INBOUND_H
#define PEER_INBOUND_H

#include "peer/peerd.h"

/* Serves the accepted connection sock and closes it. Returns a sysexits code.
 */
int inbound_run(struct peerd *p, int sock);

#endif
