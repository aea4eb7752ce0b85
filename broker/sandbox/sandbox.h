/*
 * What the sandboxes of all programs end with: the filter, and a word about
 * what the kernel lacks.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

/*
 * Enters a filter of the n lists, where l has been entered before, and logs at
 * this level (base/log.h) what the kernel lacks of both. Returns 0, or -1 with
 * errno.
 */
int sandbox_filter(const struct landlock *l, const struct filter_list *lists,
    size_t n, int level);

#endif
