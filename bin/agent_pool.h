/*
 * The pool: keeps the wanted number of polls waiting at the relay, each a
 * process, and opens a new one as one is taken or fails.
 */
#ifndef AGENT_POOL_H
#define AGENT_POOL_H

#include "agent_conf.h"

/*
 * Runs until signals, a signalfd of TERM, INT and CHLD, tells of TERM or INT;
 * then lets live sessions end (a second such signal ends them). Returns a
 * sysexits(3) code.
 */
int agent_pool_run(struct agent_conf *conf, int signals);

#endif
