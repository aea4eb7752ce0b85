/* The broker's sandbox: see broker_sandbox.h. */
#define _GNU_SOURCE
#include "broker_sandbox.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

#include <sys/socket.h>

static const struct filter_rule serving[] = {
    FILTER_CALL(accept), FILTER_CALL(accept4),
    FILTER_IS(socketpair, 0, AF_UNIX), FILTER_CALL(dup), FILTER_CALL(epoll_ctl),
    FILTER_CALL(epoll_pwait), FILTER_CALL(epoll_wait),
    FILTER_CALL(timerfd_settime), FILTER_CALL(inotify_add_watch),
    FILTER_CALL(inotify_rm_watch),
    FILTER_CALL(memfd_create), /* ipc/trust_bundle.c */
    FILTER_CALL(ftruncate),    /* ipc/hop_fds.c */
    FILTER_CALL(pread64), FILTER_CALL(pwrite64), FILTER_CALL(unlink),
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET), /* relay-keyd, proof.c */
    FILTER_CALL(sysinfo), /* qsort(3) asks how much memory there is */
};

static int
restrict_files(const struct relay_conf *conf, struct landlock *l)
{
	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	if (landlock_allow_beside(l, conf->path, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->customers, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->ca, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->crl, LANDLOCK_READ) == -1 ||
	    landlock_allow(l, "/etc", LANDLOCK_READ) == -1 ||
	    /* ipc/voucher.h, should a reload bring a keyd */
	    landlock_allow(l, "/proc", LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->socket, LANDLOCK_REMOVE) == -1)
		return -1;
	return landlock_enter(l);
}

int
broker_sandbox_enter(const struct relay_conf *conf)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, FILTER_LIST(serving)};
	struct landlock l;
	int rc = restrict_files(conf, &l);

	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_WARNING);
}
