/* Which session came from which relay: see sessions.h. */
#include "agent/sessions.h"

#include <stdio.h>
#include <string.h>

void
agent_sessions_add(struct agent_sessions *s, pid_t pid, const char *relay)
{
	if (pid == 0 || s->count == AGENT_SESSIONS_MAX)
		return;
	s->list[s->count].pid = pid;
	snprintf(s->list[s->count].relay, sizeof(s->list->relay), "%s", relay);
	s->count++;
}

void
agent_sessions_end(struct agent_sessions *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].pid == pid) {
			s->list[i] = s->list[--s->count];
			return;
		}
}

size_t
agent_sessions_count(const struct agent_sessions *s, const char *relay)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += strcmp(s->list[i].relay, relay) == 0;
	return n;
}
