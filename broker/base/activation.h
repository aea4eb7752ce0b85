/*
 * Listeners that the service manager opens and passes on at each start, by the
 * protocol of sd_listen_fds(3): no privilege is needed to get them, and who
 * comes while nobody serves waits there.
 */
#ifndef BASE_ACTIVATION_H
#define BASE_ACTIVATION_H

#include "base/failure.h"

#include <stddef.h>

#define ACTIVATION_FIRST 3 /* their fds are this and those that follow */

/*
 * How many the environment promises to this process; 0: none. Call it before
 * harden_process_keeping, which empties that.
 */
size_t activation_count(void);

/*
 * Sets fds to count of them, which listen for TCP, and makes them non-blocking
 * and close-on-exec. Returns 0, or -1 with a reason in f.
 */
int activation_take(int *fds, size_t count, struct failure *f);

#endif
