/*
 * The refusals and failures that the broker remembers: the last RECENT_MAX,
 * each with how often the same was said of the same host and certificate, so
 * that whoever comes again and again takes one place and not all. No I/O, and
 * no clock of its own; it never grows.
 */
#ifndef RECENT_H
#define RECENT_H

#include "ipc/admin_rows.h"

#include <stdint.h>

#define RECENT_MAX 256

struct recent;

/* Returns an empty one for recent_free, or NULL with errno (ENOMEM). */
struct recent *recent_new(void);
void recent_free(struct recent *recent);

/*
 * Remembers row, whose times is taken for 1, as the newest. The oldest is
 * forgotten where there is no place.
 */
void recent_add(struct recent *recent, const struct row_refusal *row);

/*
 * The newest of those that are older than *before (UINT64_MAX at first), which
 * is set to its own number. NULL where there is none. What is remembered
 * meanwhile does not disturb a walk.
 */
const struct row_refusal *recent_next(
    const struct recent *recent, uint64_t *before);

#endif
