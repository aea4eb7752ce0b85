/* How many signatures one process may have: see rate.h. */
#include "keyd/rate.h"

int
rate_admits(struct rate *r, pid_t pid, unsigned most, int64_t now)
{
	size_t i = 0;

	while (i < RATE_REMEMBERS && r->seen[i].pid != pid)
		i++;
	if (i < RATE_REMEMBERS && now - r->seen[i].since < RATE_WINDOW_MS) {
		if (r->seen[i].count >= most)
			return 0;
		r->seen[i].count++;
		return 1;
	}
	if (i == RATE_REMEMBERS) {
		i = r->next;
		r->next = (r->next + 1) % RATE_REMEMBERS;
	}
	r->seen[i].pid = pid;
	r->seen[i].count = 1;
	r->seen[i].since = now;
	return 1;
}
