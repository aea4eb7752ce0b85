/*
 * The security baseline of every program: what a process gives up before it
 * reads its first byte from outside.
 */
#ifndef BASE_HARDEN_H
#define BASE_HARDEN_H

#include "base/failure.h"

#include <sys/types.h>

/*
 * Ignores SIGPIPE, sets umask 077, empties the environment, forbids core
 * dumps, ptrace(2) by the same user and new privileges, and closes every fd
 * above 2 but keep (-1: none). Call it first in main, once 0-2 are sane.
 * Returns 0, or -1 with errno.
 */
int harden_process(int keep);

/* The same, but it keeps the fds from first to last, all above 2. */
int harden_process_keeping(int first, int last);

/*
 * Looks user and group up. An empty group means the user's own. Returns 0, or
 * -1 with a reason in f.
 */
int harden_lookup(const char *user, const char *group, uid_t *uid, gid_t *gid,
    struct failure *f);

/*
 * Becomes uid and gid for good, with no supplementary group; where the process
 * is not root it stays what it is. Returns 0, or -1 with errno.
 */
int harden_drop_privileges(uid_t uid, gid_t gid);

/*
 * The same for who has children of another user, which share gid: uid is what
 * it is to others, and child what it may become (harden_become_child), and
 * signal, with no privilege. Returns 0, or -1 with errno.
 */
int harden_drop_to_parent(uid_t uid, gid_t gid, uid_t child);

/*
 * In a child of such a process: becomes its user for good; in one of any other
 * it does nothing. Returns 0, or -1 with errno.
 */
int harden_become_child(void);

/* Raises the limit of open files to the hard one; a failure leaves it. */
void harden_raise_nofile(void);

#endif
