/* Stone's option -b: see backup.h. */
#include "stone/backup.h"
#include "base/number.h"

#include <string.h>

static int
take(struct netaddr *addr, const char *word, struct failure *f)
{
	if (netaddr_parse(addr, word, f) == -1 ||
	    netaddr_check_port(addr->port, f) == -1)
		return failure_prefix(f, "-b ");
	return 0;
}

int
stone_backups_add(struct stone_backups *backups, const char *seconds,
    const char *master, const char *place, struct failure *f)
{
	if (backups->n == STONE_BACKUPS_MAX)
		return failure(f, "more than %d -b", STONE_BACKUPS_MAX);
	/* it is seen with each session, and no sooner */
	if (number_parse(seconds, 1, INT32_MAX) == -1)
		return failure(f, "-b %s: not a number of seconds", seconds);
	if (take(&backups->list[backups->n].master, master, f) == -1 ||
	    take(&backups->list[backups->n].place, place, f) == -1)
		return -1;
	backups->n++;
	return 0;
}

static int
same(const struct netaddr *a, const struct netaddr *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

static int
has(const struct relays *relays, const struct netaddr *relay)
{
	for (size_t i = 0; i < relays->n; i++)
		if (same(&relays->list[i], relay))
			return 1;
	return 0;
}

int
stone_backups_apply(const struct stone_backups *backups, struct relays *relays,
    struct failure *f)
{
	for (size_t i = 0; i < backups->n; i++)
		if (has(relays, &backups->list[i].master) &&
		    !has(relays, &backups->list[i].place) &&
		    relays_add(relays, &backups->list[i].place, f) == -1)
			return -1;
	return 0;
}
