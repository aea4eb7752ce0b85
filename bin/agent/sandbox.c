/* The sandbox of relayagent: see sandbox.h. */
#define _GNU_SOURCE
#include "agent/sandbox.h"
#include "base/log.h"
#include "dial/name_files.h"
#include "dial/sandbox.h"
#include "sandbox/sandbox.h"

#include <sys/prctl.h>
#include <sys/socket.h>

static const struct filter_rule pooling[] = {
    FILTER_IS(socketpair, 0, AF_UNIX), FILTER_IS(prctl, 0, PR_SET_PDEATHSIG),
    FILTER_CALL(getppid),
    FILTER_CALL(tgkill), /* raise(3): a poll whose pool has gone */
};

static struct dial_sandbox of_polls = {.rules = {.fd = -1}};

static int
fill(struct dial_sandbox *next, const void *arg)
{
	const struct agent_conf *conf = arg;

	for (size_t i = 0; i < conf->relays.n; i++)
		if (dial_sandbox_add(next, &conf->relays.list[i]) == -1)
			return -1;
	for (size_t i = 0; i < conf->ntargets; i++)
		if (dial_sandbox_add(next, &conf->targets[i].addr) == -1)
			return -1;
	return dial_sandbox_add(next, &conf->proxy.addr);
}

int
agent_sandbox_renew(const struct agent_conf *conf)
{
	return dial_sandbox_renew(&of_polls, fill, conf);
}

/* The pool itself may read anything, since a reload may name any file. */
static int
restrict_files(void)
{
	struct landlock l;
	int rc = landlock_open(&l, LANDLOCK_FILES);

	if (rc == 0)
		rc = landlock_allow(&l, "/", LANDLOCK_READ);
	if (rc == 0)
		rc = landlock_enter(&l);
	landlock_close(&l);
	return rc;
}

int
agent_sandbox_enter(const struct agent_conf *conf)
{
	const struct filter_list lists[] = {filter_common, filter_reading,
	    filter_forking, filter_dialling, filter_asking, filter_sandboxing,
	    FILTER_LIST(pooling)};

	if (dial_sandbox_init() == -1 || agent_sandbox_renew(conf) == -1 ||
	    restrict_files() == -1)
		return -1;
	return sandbox_filter(&of_polls.rules, lists,
	    sizeof(lists) / sizeof(*lists), LOG_WARNING);
}

int
agent_sandbox_is_stale(void)
{
	static uint64_t mark;
	const uint64_t before = mark;

	mark = of_polls.names ? name_files_mark() : 0;
	return before != 0 && mark != 0 && mark != before;
}

int
agent_sandbox_poll(void)
{
	return dial_sandbox_enter(&of_polls);
}
