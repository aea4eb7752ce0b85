/* The end of all sandboxes: see sandbox.h. */
#include "sandbox/sandbox.h"
#include "base/log.h"

int
sandbox_filter(const struct landlock *l, const struct filter_list *lists,
    size_t n, int level)
{
	int rc = filter_once(lists, n);

	if (l->lacks[0] != '\0')
		log_event(level, "sandbox-degraded", "lacks", l->lacks, NULL);
	if (rc == 0)
		log_event(level, "sandbox-degraded", "lacks", "seccomp", NULL);
	return rc == -1 ? -1 : 0;
}
