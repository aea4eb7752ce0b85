/* The sandbox of relay-handoff(8): see handoff_sandbox.h. */
#define _GNU_SOURCE
#include "spawn/handoff_sandbox.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##action)
#define UNLESS(value)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)
#define ALLOW(name)    UNLESS(SYS_##name), RETURN(ALLOW)

/* Numbers of calls mean nothing without the machine that they are for. */
static struct sock_filter waiting[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    RETURN(KILL_PROCESS),
    LOAD(nr),
#ifdef SYS_poll
    ALLOW(poll),
#endif
    ALLOW(ppoll),
    ALLOW(restart_syscall), /* poll, after SIGSTOP and SIGCONT */
    ALLOW(read),
    ALLOW(shutdown),
    ALLOW(close),
    ALLOW(exit_group),
#if INSTRUMENTED
    ALLOW(sigaltstack),
#endif
    RETURN(KILL_PROCESS),
};

int
handoff_sandbox_enter(void)
{
	const struct sock_fprog program = {
	    sizeof(waiting) / sizeof(*waiting), waiting};

	if (ARCH == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 1;
	return errno == ENOSYS || errno == EINVAL ? 0 : -1;
}
