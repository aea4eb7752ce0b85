/* The sandbox of a handler: see handler_sandbox.h. */
#define _GNU_SOURCE
#include "connection/handler_sandbox.h"
#include "base/log.h"
#include "sandbox/instrumented.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct filter_rule serving[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET), /* the broker, when it is back */
    FILTER_CALL(fstat), /* of the memory that is shared with the hop */
    FILTER_IS(newfstatat, 3, AT_EMPTY_PATH),
    FILTER_CALL(pread64),          /* what a recheck needs */
    FILTER_IS(ioctl, 1, SIOCOUTQ), /* has the agent the head? */
    FILTER_CALL(splice),           /* bare bytes, and their pipe */
    FILTER_CALL(pipe2),
    FILTER_IS(fcntl, 1, F_GETFL), /* is the other's socket as ours? */
    FILTER_IS(fcntl, 1, F_SETPIPE_SZ),
    FILTER_IS(fcntl, 1, F_GETPIPE_SZ),
};

/* To enter the second stage, and what comes before it. */
static const struct filter_rule loading[] = {
    FILTER_CALL(geteuid),
    FILTER_CALL(prlimit64),
    FILTER_CALL(rt_sigaction),
    FILTER_CALL(seccomp),
    FILTER_CALL(signalfd4),
};

static struct filter stage;

int
handler_sandbox_make(void)
{
	const struct filter_list lists[] = {
	    filter_common, filter_logging, FILTER_LIST(serving)};

	return filter_make(&stage, lists, sizeof(lists) / sizeof(*lists));
}

int
handler_sandbox_files(const struct relay_conf *conf, struct landlock *l)
{
	const char *const files[] = {conf->path, conf->certificate, conf->ca,
	    conf->crl, conf->keyd == NULL ? conf->key : NULL};

	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (landlock_allow_beside(l, files[i], LANDLOCK_READ) == -1)
			return -1;
	return 0;
}

int
handler_sandbox_load(const struct relay_conf *conf)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, FILTER_LIST(loading), FILTER_LIST(serving)};
	struct landlock l;
	int rc = handler_sandbox_files(conf, &l);

	if (rc == 0)
		rc = landlock_enter(&l);
	landlock_close(&l);
	if (rc == -1)
		return -1;
	/* one line for each connection is too much */
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_DEBUG);
}

/* A limit of 0 on files would kill who logs to one. */
static int
logs_to_file(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

static int
limit(void)
{
	const struct rlimit none = {0, 0},
			    fds = {HANDLER_FDS_MAX, HANDLER_FDS_MAX};

	if (setrlimit(RLIMIT_NOFILE, &fds) == -1)
		return -1;
	if (setrlimit(RLIMIT_NPROC, &none) == -1)
		return -1;
	return logs_to_file() ? 0 : setrlimit(RLIMIT_FSIZE, &none);
}

int
handler_sandbox_serve(void)
{
	if (!INSTRUMENTED && limit() == -1)
		return -1;
	return filter_enter(&stage);
}
