/* Filters of system calls: see seccomp.h. */
#define _GNU_SOURCE
#include "sandbox/seccomp.h"
#include "base/fd.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TREE 2 /* SCMP_FLTATR_CTL_OPTIMIZE: a binary tree, not a list */

/* ---- what all need ---- */

/*
 * MSG_FASTOPEN connects without connect(2), past Landlock's rules for ports. A
 * protocol above TCP (TCP_ULP) may do so as well.
 */
static const struct filter_rule common[] = {
    /* talking */
    FILTER_CALL(read),
    FILTER_CALL(readv),
    FILTER_CALL(recvfrom),
    FILTER_CALL(recvmsg),
    FILTER_CALL(write),
    FILTER_CALL(writev),
    FILTER_LACKS(sendto, 3, MSG_FASTOPEN),
    FILTER_LACKS(sendmsg, 2, MSG_FASTOPEN),
    FILTER_CALL(poll),
    FILTER_CALL(ppoll),
    FILTER_CALL(shutdown),
    FILTER_CALL(close),
    FILTER_CALL(getsockopt),
    FILTER_OTHER(setsockopt, 1, IPPROTO_TCP),
    FILTER_OTHER(setsockopt, 2, TCP_ULP),
    FILTER_CALL(getpeername),
    FILTER_CALL(getsockname),
    /* memory */
    FILTER_CALL(brk),
    FILTER_LACKS(mmap, 2, PROT_EXEC),
    FILTER_CALL(mremap),
    FILTER_CALL(munmap),
    FILTER_CALL(madvise),
    FILTER_CALL(futex),
    /* time, and chance */
    FILTER_CALL(clock_gettime),
    FILTER_CALL(gettimeofday),
    FILTER_CALL(time),
    FILTER_CALL(getrandom),
    /* itself */
    FILTER_CALL(getpid),
    FILTER_CALL(rt_sigprocmask),
    FILTER_CALL(rt_sigreturn),
    FILTER_CALL(restart_syscall),
    FILTER_CALL(exit),
    FILTER_CALL(exit_group),
};

/* A daemon that listens on a stream is told of as not there, not deadly. */
static const struct filter_rule logging[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_DGRAM),
    {.call = SCMP_SYS(socket),
	.refused = EACCES,
	.nconditions = 2,
	.conditions = {{0, SCMP_CMP_EQ, AF_UNIX, 0},
	    {1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM}}},
    FILTER_CALL(connect),
};

const struct filter_list filter_common = FILTER_LIST(common);
const struct filter_list filter_logging = FILTER_LIST(logging);

/* ---- what some need ---- */

static const struct filter_rule reading[] = {
    FILTER_LACKS(openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    FILTER_CALL(fstat), FILTER_CALL(newfstatat), FILTER_CALL(lseek),
    FILTER_CALL(fcntl), FILTER_CALL(geteuid), /* whom a file is closed to */
};

/* fork(2) as the C library makes it, and nothing else of clone(2) */
static const struct filter_rule forking[] = {
    FILTER_IS(clone, 0, SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID),
    FILTER_CALL(set_robust_list),
    FILTER_CALL(rt_sigaction),
    FILTER_CALL(wait4),
    FILTER_CALL(kill),
    FILTER_CALL(accept4),
    FILTER_CALL(fcntl),
};

const struct filter_list filter_reading = FILTER_LIST(reading);
const struct filter_list filter_forking = FILTER_LIST(forking);

#if INSTRUMENTED
/* Sanitizers and valgrind: their memory, their reports, their signals. */
static const struct filter_rule instruments[] = {
    FILTER_CALL(access),
    FILTER_CALL(arch_prctl),
    FILTER_CALL(clock_nanosleep),
    FILTER_CALL(clone),
    FILTER_CALL(dup),
    FILTER_CALL(dup2),
    FILTER_CALL(fcntl),
    FILTER_CALL(fstat),
    FILTER_CALL(ftruncate),
    FILTER_CALL(getcwd),
    FILTER_CALL(getdents64),
    FILTER_CALL(getegid),
    FILTER_CALL(geteuid),
    FILTER_CALL(getgid),
    FILTER_CALL(getppid),
    FILTER_CALL(getrlimit),
    FILTER_CALL(gettid),
    FILTER_CALL(getuid),
    FILTER_CALL(lseek),
    FILTER_CALL(mmap),
    FILTER_CALL(mprotect),
    FILTER_CALL(nanosleep),
    FILTER_CALL(newfstatat),
    FILTER_CALL(openat),
    FILTER_CALL(open),
    FILTER_CALL(pipe),
    FILTER_CALL(pipe2),
    FILTER_CALL(prctl),
    FILTER_CALL(pread64),
    FILTER_CALL(prlimit64),
    FILTER_CALL(readlink),
    FILTER_CALL(readlinkat),
    FILTER_CALL(rt_sigaction),
    FILTER_CALL(rt_sigpending),
    FILTER_CALL(rt_sigtimedwait),
    FILTER_CALL(sched_getaffinity),
    FILTER_CALL(sched_yield),
    FILTER_CALL(sigaltstack),
    FILTER_CALL(stat),
    FILTER_CALL(statx),
    FILTER_CALL(tgkill),
    FILTER_CALL(tkill),
    FILTER_CALL(uname),
    FILTER_CALL(unlink),
    FILTER_CALL(wait4),
};
#endif

/* ---- making ---- */

static int
add(scmp_filter_ctx ctx, const struct filter_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct filter_rule *r = &list->rules[i];
		int rc = seccomp_rule_add_array(ctx,
		    r->refused != 0 ? SCMP_ACT_ERRNO((unsigned)r->refused)
				    : SCMP_ACT_ALLOW,
		    r->call, r->nconditions, r->conditions);

		/* in two lists is no error */
		if (rc != 0 && rc != -EEXIST) {
			errno = -rc;
			return -1;
		}
	}
	return 0;
}

/*
 * libseccomp writes it to a descriptor: a pipe, since no limit on files counts
 * there. Its 64 KiB are enough for any filter, which has 4096 steps at most.
 */
static int export(struct filter *f, scmp_filter_ctx ctx)
{
	struct sock_filter *code;
	int ends[2], rc;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	code = malloc(BPF_MAXINSNS * sizeof(*code));
	rc = code == NULL ? -ENOMEM : seccomp_export_bpf(ctx, ends[1]);
	n = rc == 0 ? read(ends[0], code, BPF_MAXINSNS * sizeof(*code)) : -1;
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	if (n <= 0) {
		free(code);
		errno = rc != 0 ? -rc : EIO;
		return -1;
	}
	f->code = code;
	f->len = (unsigned short)((size_t)n / sizeof(*code));
	return 0;
}

static int
kernel_can(void)
{
	const unsigned action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

void
filter_free(struct filter *f)
{
	free(f->code);
	*f = (struct filter){NULL, 0};
}

static int
build(struct filter *f, const struct filter_list *lists, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = -1;

	if (ctx == NULL) {
		errno = ENOMEM;
		return -1;
	}
	/* where it is only slower without, it is no error */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, TREE);
	for (size_t i = 0; i < n; i++)
		if (add(ctx, &lists[i]) == -1)
			goto out;
#if INSTRUMENTED
	if (add(ctx, &(const struct filter_list)FILTER_LIST(instruments)) == -1)
		goto out;
#endif
	rc = export(f, ctx);
out:
	seccomp_release(ctx);
	return rc;
}

int
filter_make(struct filter *f, const struct filter_list *lists, size_t n)
{
	struct filter again = {NULL, 0};
	int rc;

	*f = again;
	if (!kernel_can())
		return 0;
	/* libseccomp 2.5 keeps some allocations that failed to itself */
	rc = build(f, lists, n);
	if (rc == 0)
		rc = build(&again, lists, n);
	if (rc == 0 &&
	    (again.len != f->len ||
		memcmp(again.code, f->code, f->len * sizeof(*f->code)) != 0)) {
		errno = ENOMEM;
		rc = -1;
	}
	filter_free(&again);
	if (rc == -1)
		filter_free(f);
	return rc;
}

int
filter_enter(const struct filter *f)
{
	const struct sock_fprog program = {f->len, f->code};

	if (f->code == NULL)
		return 0;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int
filter_once(const struct filter_list *lists, size_t n)
{
	struct filter f;
	int rc;

	if (filter_make(&f, lists, n) == -1)
		return -1;
	rc = f.code == NULL ? 0 : filter_enter(&f) == -1 ? -1 : 1;
	filter_free(&f);
	return rc;
}
