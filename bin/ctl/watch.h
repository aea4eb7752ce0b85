/*
 * relayctl watch: a live table of the relay that redraws itself, like top(1).
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include "base/failure.h"

#include <stddef.h>

/*
 * Redraws every interval seconds until q is typed, the input ends, a signal
 * comes or the broker is gone. Returns 0, or -1 with a reason in f.
 */
int ctl_watch(int sock, unsigned interval, struct failure *f);

#endif
