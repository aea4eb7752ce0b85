/*
 * Which processes are sessions of what: for the count alone.
 */
#ifndef STATUS_SESSIONS_H
#define STATUS_SESSIONS_H

#include <stddef.h>
#include <sys/types.h>

#define STATUS_SESSIONS_MAX 4096
#define STATUS_NAME_MAX     300 /* bytes of a host:port or path, and its NUL */

struct status_sessions {
	size_t count;
	struct {
		pid_t pid;
		char of[STATUS_NAME_MAX];
	} list[STATUS_SESSIONS_MAX];
};

/*
 * The process pid, 0 for one that has ended already, is a session of what this
 * names. More than STATUS_SESSIONS_MAX are not counted.
 */
void status_sessions_add(struct status_sessions *s, pid_t pid, const char *of);

/* The process pid has ended, whatever it was. */
void status_sessions_end(struct status_sessions *s, pid_t pid);

/* How many there are of this. */
size_t status_sessions_count(const struct status_sessions *s, const char *of);

#endif
