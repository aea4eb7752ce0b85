/*
 * The pool: keeps the wanted number of polls waiting at each relay, each a
 * process, and opens a new one as one is taken or fails.
 */
#ifndef AGENT_POOL_H
#define AGENT_POOL_H

#include "agent/conf.h"

/*
 * Runs with conf, which it frees, until signals, a signalfd of TERM, INT, HUP,
 * USR1 and CHLD, tells of TERM or INT; then lets live sessions end (a second
 * such signal ends them). HUP reads the configuration again from source, and
 * USR1 logs how it goes. Who asks at status (status/status.h; -1: nobody) is
 * told. Returns a sysexits(3) code.
 */
int agent_pool_run(struct agent_conf *conf, const struct agent_source *source,
    int signals, int status);

#endif
