/*
 * A server's children: which processes live, to be counted, waited for and
 * signalled.
 */
#ifndef FORK_CHILDREN_H
#define FORK_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

struct children;

/* Returns an empty set for children_free, or NULL with errno. */
struct children *children_new(void);
void children_free(struct children *set);

/* Returns 0, or -1 with errno. */
int children_add(struct children *set, pid_t pid);

size_t children_count(const struct children *set);

/* Sends sig to each. */
void children_signal(const struct children *set, int sig);

/*
 * Waits for one that has ended, without blocking, and takes it out. Returns
 * its pid and sets *status (wait(2)), or 0 where none has.
 */
pid_t children_reap(struct children *set, int *status);

#endif
