/*
 * What the sandboxes of all programs end with: the filter, and a word about
 * what the kernel lacks.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "filter.h"
#include "landlock.h"

/*
 * Enters a filter of the n lists, where l has been entered before, and logs at
 * this level (log.h) what the kernel lacks of both. Returns 0, or -1 with
 * errno.
 */
int sandbox_filter(const struct landlock *l, const struct filter_list *lists,
    size_t n, int level);

#endif
