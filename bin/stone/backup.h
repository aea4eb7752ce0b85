/*
 * Stone's option -b: where the relay cannot be used that a forward names,
 * another one is.
 */
#ifndef STONE_BACKUP_H
#define STONE_BACKUP_H

#include "base/failure.h"
#include "warp/relays.h"

#include <stddef.h>

#define STONE_BACKUPS_MAX 16

struct stone_backups {
	size_t n;
	struct {
		struct netaddr master, place;
	} list[STONE_BACKUPS_MAX];
};

/*
 * Takes the three words behind -b: how often stone would look, in seconds, and
 * both places. Returns 0, or -1 with a reason in f.
 */
int stone_backups_add(struct stone_backups *backups, const char *seconds,
    const char *master, const char *place, struct failure *f);

/* Adds to relays those for which one of them is the master. Likewise. */
int stone_backups_apply(const struct stone_backups *backups,
    struct relays *relays, struct failure *f);

#endif
