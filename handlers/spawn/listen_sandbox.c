/* The sandbox of relay-listen: see listen_sandbox.h. */
#define _GNU_SOURCE
#include "spawn/listen_sandbox.h"
#include "base/log.h"
#include "connection/handler_sandbox.h"
#include "sandbox/sandbox.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Beside its own, what a handler calls before and in its second stage, and to
 * have a connection handed over.
 */
static const struct filter_rule spawning[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET),
    FILTER_IS(ioctl, 1, SIOCOUTQ),
    FILTER_CALL(splice),
    FILTER_CALL(pipe2),
    FILTER_CALL(pread64),
    FILTER_CALL(prlimit64),
    FILTER_CALL(seccomp),
    FILTER_CALL(signalfd4),
    FILTER_IS(socketpair, 0, AF_UNIX),
    FILTER_CALL(geteuid),
    FILTER_CALL(getuid),
    FILTER_IS(prctl, 0, PR_SET_DUMPABLE), /* base/harden.c, in a child */
    FILTER_CALL(unlink),
};

int
listen_sandbox_enter(const struct relay_conf *conf)
{
	const uid_t child = getuid();
	const struct filter_rule becoming[] = {{
	    .call = SCMP_SYS(setresuid),
	    .nconditions = 3,
	    .conditions = {{0, SCMP_CMP_EQ, child, 0},
		{1, SCMP_CMP_EQ, child, 0}, {2, SCMP_CMP_EQ, child, 0}},
	}};
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, filter_forking, FILTER_LIST(spawning),
	    FILTER_LIST(becoming)};
	struct landlock l;
	int rc;

	if (handler_sandbox_make() == -1)
		return -1;
	rc = handler_sandbox_files(conf, &l);
	if (rc == 0)
		rc = landlock_allow_beside(&l, conf->handoff, LANDLOCK_REMOVE);
	if (rc == 0)
		rc = landlock_enter(&l);
	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_WARNING);
}
