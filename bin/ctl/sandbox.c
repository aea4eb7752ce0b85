/* The sandbox of relayctl: see sandbox.h. */
#define _GNU_SOURCE
#include "ctl/sandbox.h"
#include "sandbox/seccomp.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>

static const struct filter_rule administering[] = {
    /* the table of customers is written anew, and takes its place */
    FILTER_CALL(openat),
    FILTER_CALL(getcwd),
    FILTER_CALL(readlink),
    FILTER_CALL(fchmod),
    FILTER_CALL(fchown),
    FILTER_CALL(flock),
    FILTER_CALL(fsync),
    FILTER_CALL(rename),
    FILTER_CALL(unlink),
    /* watch, and whatever writes to a terminal */
    FILTER_IS(ioctl, 1, TCGETS),
    FILTER_IS(ioctl, 1, TCSETS),
    FILTER_IS(ioctl, 1, TIOCGWINSZ),
    FILTER_CALL(rt_sigaction),
    FILTER_CALL(signalfd4),
    FILTER_CALL(sysinfo),
};

/* the ledger, as SQLite locks, reads and writes it */
static const struct filter_rule keeping[] = {
    FILTER_CALL(umask),
    FILTER_CALL(access),
    FILTER_CALL(stat),
    FILTER_CALL(lstat),
    FILTER_CALL(pread64),
    FILTER_CALL(pwrite64),
    FILTER_CALL(ftruncate),
    FILTER_CALL(fdatasync),
    FILTER_CALL(clock_nanosleep),
    FILTER_CALL(getuid),
};

static int
enter(const struct filter_list *lists, size_t n)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return filter_once(lists, n) == -1 ? -1 : 0;
}

int
ctl_sandbox_enter(void)
{
	const struct filter_list lists[] = {
	    filter_common, filter_reading, FILTER_LIST(administering)};

	return enter(lists, sizeof(lists) / sizeof(*lists));
}

int
ctl_sandbox_courier(void)
{
	return enter(&filter_common, 1);
}

int
ctl_sandbox_ledger(void)
{
	const struct filter_list lists[] = {filter_common, filter_reading,
	    FILTER_LIST(administering), FILTER_LIST(keeping)};

	return enter(lists, sizeof(lists) / sizeof(*lists));
}
