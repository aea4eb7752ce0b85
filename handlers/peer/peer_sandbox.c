/* The sandboxes of relay-peer: see peer_sandbox.h. */
#define _GNU_SOURCE
#include "peer/peer_sandbox.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "sandbox/instrumented.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FDS_MAX 16

static const struct filter_rule crossing[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET), /* the broker, when it is back */
    FILTER_CALL(fstat), /* of the memory that is shared with the hop */
    FILTER_IS(newfstatat, 3, AT_EMPTY_PATH),
    FILTER_CALL(pread64), /* what a recheck needs */
    FILTER_CALL(splice),  /* bare bytes, and their pipe */
    FILTER_CALL(pipe2),
    FILTER_IS(fcntl, 1, F_GETFL), /* is the handler's socket as ours? */
    FILTER_IS(fcntl, 1, F_SETPIPE_SZ),
    FILTER_IS(fcntl, 1, F_GETPIPE_SZ),
};

static const struct filter_rule dialling[] = {
    FILTER_SOCKET(AF_INET, SOCK_STREAM),
    FILTER_SOCKET(AF_INET6, SOCK_STREAM),
};

/* To enter the second stage, and what the loop does itself. */
static const struct filter_rule forking[] = {
    FILTER_CALL(prlimit64),
    FILTER_CALL(seccomp),
    FILTER_CALL(inotify_add_watch),
    FILTER_CALL(inotify_rm_watch),
};

static struct filter dials_stage, accepts_stage;

static int
make_stages(void)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    FILTER_LIST(crossing), FILTER_LIST(dialling)};

	return filter_make(&accepts_stage, lists, 3) == -1
		   ? -1
		   : filter_make(&dials_stage, lists, 4);
}

static int
restrict_files(const struct peerd *p, struct landlock *l)
{
	const char *const files[] = {p->conf.path, p->conf.peer_certificate,
	    p->conf.peer_key, p->conf.peer_ca, p->conf.peer_crl, p->conf.ca,
	    p->conf.crl};

	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (landlock_allow_beside(l, files[i], LANDLOCK_READ) == -1)
			return -1;
	for (size_t i = 0; i < p->conf.npeers; i++)
		if (landlock_allow_port(l,
			netaddr_port(
			    (const struct sockaddr *)&p->places[i].address)) ==
		    -1)
			return -1;
	return landlock_enter(l);
}

int
peer_sandbox_enter(const struct peerd *p)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, filter_forking, FILTER_LIST(crossing),
	    FILTER_LIST(dialling), FILTER_LIST(forking)};
	struct landlock l;
	int rc;

	if (make_stages() == -1)
		return -1;
	rc = restrict_files(p, &l);
	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_WARNING);
}

int
peer_sandbox_child(int dials)
{
	const struct rlimit none = {0, 0}, fds = {FDS_MAX, FDS_MAX};

	if (!INSTRUMENTED && (setrlimit(RLIMIT_NOFILE, &fds) == -1 ||
				 setrlimit(RLIMIT_NPROC, &none) == -1))
		return -1;
	return filter_enter(dials ? &dials_stage : &accepts_stage);
}
