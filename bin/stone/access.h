/*
 * Which hosts may use a forward: stone's list of allowed clients. The first
 * entry that holds the client decides. An entry allows; behind a "!" it
 * denies, and behind the next one it allows again. A client that no entry
 * holds is denied, or allowed where the last entry denies. An empty list allows
 * everybody.
 */
#ifndef STONE_ACCESS_H
#define STONE_ACCESS_H

#include "base/failure.h"
#include "base/prefix.h"

#include <stddef.h>

#define ACCESS_MAX 256 /* addresses of one list */

struct access_list {
	struct {
		struct prefix prefix;
		int denies;
	} entries[ACCESS_MAX];
	size_t count;
	int denies; /* a "!" has come, and no second one */
};

/*
 * Adds a word: "!", or "host", "host/bits", "host/netmask", each with ",v4" or
 * ",v6" where host is a name, which is looked up now. family: AF_INET,
 * AF_INET6 or AF_UNSPEC, that of names without v4 or v6. Returns 0, or -1 with
 * a reason in f.
 */
int access_add(
    struct access_list *list, const char *word, int family, struct failure *f);

/* Whether the client may. Pure. */
int access_allows(
    const struct access_list *list, const struct sockaddr *client);

#endif
