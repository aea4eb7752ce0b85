/*
 * Which session came from which relay: for the count alone.
 */
#ifndef AGENT_SESSIONS_H
#define AGENT_SESSIONS_H

#include "agent/target.h"

#include <stddef.h>
#include <sys/types.h>

#define AGENT_SESSIONS_MAX 1024 /* polls and sessions: processes of one agent  \
				 */

struct agent_sessions {
	size_t count;
	struct {
		pid_t pid;
		char relay[TARGET_TEXT_MAX]; /* host:port */
	} list[AGENT_SESSIONS_MAX];
};

/* The process pid serves a session of this relay; 0: it has ended already. */
void agent_sessions_add(struct agent_sessions *s, pid_t pid, const char *relay);

/* The process pid has ended, whatever it was. */
void agent_sessions_end(struct agent_sessions *s, pid_t pid);

/* How many there are of this relay. */
size_t agent_sessions_count(const struct agent_sessions *s, const char *relay);

#endif
