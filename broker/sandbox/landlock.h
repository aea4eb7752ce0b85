/*
 * Landlock, landlock(7): what files a process may open, to which TCP ports it
 * may connect, and whom it may signal, from now on, it and its children, for
 * good. What the kernel does not know yet is left out, and named.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

/* What is restricted: everything of a kind that no rule allows. */
enum landlock_kind {
	LANDLOCK_FILES = 1, /* open, make and remove them */
	LANDLOCK_TCP = 2,   /* connect to, and bind, a port */
	LANDLOCK_SCOPE = 4, /* signals, and abstract Unix sockets, outside */
};

/* What a rule allows of a file, or below a folder. */
enum landlock_right {
	LANDLOCK_READ = 1,
	LANDLOCK_WRITE = 2,  /* and make, and truncate */
	LANDLOCK_REMOVE = 4, /* and rename within the folder, with WRITE */
	LANDLOCK_SOCKET = 8, /* make a Unix socket */
	LANDLOCK_LIST = 16,  /* read a folder itself */
};

struct landlock {
	int fd;         /* the rules; -1: the kernel has no Landlock */
	uint64_t files; /* the rights on files that it knows */
	int tcp;        /* whether it knows ports */
	char lacks[48]; /* what was asked for and is unknown; "": nothing */
};

/* Begins a set of rules, for these kinds. Returns 0, or -1 with errno. */
int landlock_open(struct landlock *l, unsigned kinds);

/*
 * Allows these rights on the file, or below the folder, at path. Where nothing
 * is there, or the kernel lacks it, it does nothing. Returns 0, or -1 with
 * errno.
 */
int landlock_allow(struct landlock *l, const char *path, unsigned rights);

/* The same of the folder that path lies in; path may be NULL: nothing. */
int landlock_allow_beside(
    struct landlock *l, const char *path, unsigned rights);

/* Allows to connect to the TCP port, of any host. Likewise. */
int landlock_allow_port(struct landlock *l, uint16_t port);

/* Enters the rules, which stay open, for others. Returns 0, or -1. */
int landlock_enter(const struct landlock *l);

void landlock_close(struct landlock *l);

#endif
