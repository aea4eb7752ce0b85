/*
 * The files that keys and certificates were read from: whether one was replaced
 * since. They are looked at by name, so it counts which file has that name now,
 * whoever has put it there and however.
 */
#ifndef WARP_WATCHED_H
#define WARP_WATCHED_H

#include <stddef.h>
#include <stdint.h>

#define WATCHED_MS 2000 /* how often to look */

struct watched_file {
	char *path;
	uint64_t read; /* what was there as it was read */
	uint64_t seen; /* what was there at the last look */
};

struct watched {
	struct watched_file *list;
	size_t count;
};

/*
 * Watches the file at path, as it is now: call it before it is read. A relative
 * path starts from folder, which ends in a slash; NULL: this process's. Returns
 * 0, or -1 with errno.
 */
int watched_add(struct watched *w, const char *folder, const char *path);

/*
 * Looks at all. Returns the path of one that was replaced, once, and that has
 * not changed since the last look, so that nobody is writing it; or NULL.
 */
const char *watched_replaced(struct watched *w);

/* Frees all; safe on a zeroed one. */
void watched_free(struct watched *w);

#endif
