/* What was signed a moment ago: see signed.h. */
#include "keyd/signed.h"

#include <string.h>

void
signed_note(struct signed_memory *m, pid_t pid, int64_t until,
    const uint8_t what[static SIGNED_BYTES])
{
	m->kept[m->next].pid = pid;
	m->kept[m->next].until = until;
	memcpy(m->kept[m->next].what, what, SIGNED_BYTES);
	m->next = (m->next + 1) % SIGNED_MAX;
}

int
signed_take(struct signed_memory *m, pid_t pid, int64_t now,
    const uint8_t what[static SIGNED_BYTES])
{
	/* from the newest on: that is the usual one */
	for (size_t i = 1; i <= SIGNED_MAX; i++) {
		const size_t at = (m->next + SIGNED_MAX - i) % SIGNED_MAX;

		if (m->kept[at].pid != pid ||
		    memcmp(m->kept[at].what, what, SIGNED_BYTES) != 0)
			continue;
		m->kept[at].pid = 0;
		return now < m->kept[at].until;
	}
	return 0;
}
