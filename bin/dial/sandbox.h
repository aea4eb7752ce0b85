/*
 * The sandbox of a process that dials out, of relayagent or relay-stone: the
 * one that reads what comes from the relay. It may find and connect to the
 * ports that it was told, and read those of the system's files that the
 * resolver needs; nothing else of files, programs, ports or processes.
 *
 * The parent makes a way of its configuration, anew at each reload; each child
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

/* For the parent, to make ways and have children enter them. */
extern const struct filter_list filter_way;

struct dial_sandbox {
	struct landlock rules;
	int names; /* whether some of its hosts must be looked up */
};

/*
 * Makes the filter that belongs to every way; once, before the parent is in a
 * sandbox itself. Returns 0, or -1 with errno.
 */
int dial_sandbox_init(void);

/* Begins one that leads nowhere yet. Returns 0, or -1 with errno. */
int dial_sandbox_open(struct dial_sandbox *w);

/* Has it lead to the port of addr as well; host "" is none. Likewise. */
int dial_sandbox_add(struct dial_sandbox *w, const struct netaddr *addr);

/* In the child: enters it. Returns 0, or -1 with errno. */
int dial_sandbox_enter(struct dial_sandbox *w);

void dial_sandbox_close(struct dial_sandbox *w);

#endif
