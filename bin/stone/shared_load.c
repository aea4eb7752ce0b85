/* How busy a shared session is: see shared_load.h. */
#include "stone/shared_load.h"
#include "base/deadline.h"

#define LOOK_MS 1000
#define BUSY_MS 5000            /* it is for so long after much */
#define MUCH    (1024UL * 1024) /* bytes a second, both ways together */

int64_t
shared_load_next(
    const struct shared_load *l, size_t streams, size_t vacant, int come)
{
	if (streams > 0 && vacant == 0 && l->level != LOAD_FULL)
		return 0;
	return streams > 0 || come || l->level != LOAD_IDLE ? l->at + LOOK_MS
							    : DEADLINE_NONE;
}

/* One connection alone is in nobody's way, however much it carries. */
static int
is_much(const struct shared_load *l, size_t streams, size_t vacant,
    uint64_t moved, int64_t now)
{
	const uint64_t ms = now > l->at ? (uint64_t)(now - l->at) : 1;

	if (streams < 2)
		return 0;
	return vacant < streams || (moved - l->moved) * 1000 / ms >= MUCH;
}

int
shared_load_judge(struct shared_load *l, size_t streams, size_t vacant,
    uint64_t moved, int64_t now)
{
	const enum shared_load_level before = l->level;

	if (is_much(l, streams, vacant, moved, now))
		l->busy_at = now;
	if (streams == 0)
		l->level = LOAD_IDLE;
	else if (vacant == 0)
		l->level = LOAD_FULL;
	else if (l->busy_at != 0 && now - l->busy_at < BUSY_MS)
		l->level = LOAD_BUSY;
	else
		l->level = LOAD_CALM;
	l->at = now;
	l->moved = moved;
	return l->level != before;
}
