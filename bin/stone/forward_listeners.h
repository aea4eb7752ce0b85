/*
 * The listeners of all forwards, which move over where a new set takes the
 * place of the old.
 */
#ifndef STONE_FORWARD_LISTENERS_H
#define STONE_FORWARD_LISTENERS_H

#include "base/failure.h"
#include "stone/forward.h"

/*
 * Opens the listeners. Those of the set old (NULL: none) that are at the same
 * place move over. Returns 0, or -1 with a reason in f; old then has all of
 * its own.
 */
int forwards_listen(
    struct forwards *set, struct forwards *old, struct failure *f);

/* Closes the listeners, in this process. */
void forwards_close(struct forwards *set);

/* Removes the Unix sockets from the file system. */
void forwards_unlink(const struct forwards *set);

#endif
