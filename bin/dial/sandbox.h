/*
 * The sandbox of a process that dials out, of relayagent or relay-stone: the
 * one that reads what comes from the relay. It may find and connect to the
 * ports that it was told, and read those of the system's files that the
 * resolver needs; nothing else of files, programs, ports or processes.
 *
 * The parent makes one of its configuration, anew at each reload; each child
 * enters it.
 */
#ifndef DIAL_SANDBOX_H
#define DIAL_SANDBOX_H

#include "base/netaddr.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

/*
 * To look names up and connect to them: sockets, and the modules of the
 * resolver. Executable memory is that of files alone, never made.
 */
extern const struct filter_list filter_dialling;

/* The UDP of that, for who has names to look up. */
extern const struct filter_list filter_asking;

/* For the parent, to make one and have children enter it. */
extern const struct filter_list filter_sandboxing;

struct dial_sandbox {
	struct landlock rules; /* fd -1 before the first dial_sandbox_renew */
	int names;             /* whether some of its hosts must be looked up */
};

/* Says by dial_sandbox_add where next leads. Returns 0, or -1 with errno. */
typedef int dial_sandbox_fill(struct dial_sandbox *next, const void *conf);

/*
 * Makes the filter that belongs to each; once, before the parent is in a
 * sandbox itself. Returns 0, or -1 with errno.
 */
int dial_sandbox_init(void);

/*
 * Has *w lead where fill says, which gets conf, and nowhere else any more.
 * Returns 0, or -1 with errno; *w is then what it was.
 */
int dial_sandbox_renew(
    struct dial_sandbox *w, dial_sandbox_fill *fill, const void *conf);

/* Has it lead to the port of addr as well; host "" is none. Likewise. */
int dial_sandbox_add(struct dial_sandbox *w, const struct netaddr *addr);

/* In the child: enters it. Returns 0, or -1 with errno. */
int dial_sandbox_enter(struct dial_sandbox *w);

#endif
