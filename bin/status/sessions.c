/* Which session came from which relay: see sessions.h. */
#include "status/sessions.h"

#include <stdio.h>
#include <string.h>

void
status_sessions_add(struct status_sessions *s, pid_t pid, const char *of)
{
	if (pid == 0 || s->count == STATUS_SESSIONS_MAX)
		return;
	s->list[s->count].pid = pid;
	snprintf(s->list[s->count].of, sizeof(s->list->of), "%s", of);
	s->count++;
}

void
status_sessions_end(struct status_sessions *s, pid_t pid)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].pid == pid) {
			s->list[i] = s->list[--s->count];
			return;
		}
}

size_t
status_sessions_count(const struct status_sessions *s, const char *of)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += strcmp(s->list[i].of, of) == 0;
	return n;
}
