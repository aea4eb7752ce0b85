/* The security baseline: see harden.h. */
#define _GNU_SOURCE
#include "base/harden.h"
#include "base/log_syslog.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int
close_above_std(int first, int last)
{
	if (last <= STDERR_FILENO)
		return close_range(STDERR_FILENO + 1, ~0U, 0);
	if (first > STDERR_FILENO + 1 &&
	    close_range(STDERR_FILENO + 1, (unsigned)first - 1, 0) == -1)
		return -1;
	return close_range((unsigned)last + 1, ~0U, 0);
}

int
harden_process(int keep)
{
	return harden_process_keeping(keep, keep);
}

int
harden_process_keeping(int first, int last)
{
	const struct rlimit none = {0, 0};

	umask(077);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	if (clearenv() != 0) {
		errno = ENOMEM;
		return -1;
	}
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	/* else the syslog's lines go on to whatever gets its fd's number */
	log_syslog_close();
	return close_above_std(first, last);
}

int
harden_lookup(const char *user, const char *group, uid_t *uid, gid_t *gid,
    struct failure *f)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL)
		return failure(f, "user %s: no such user", user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	if (*group == '\0')
		return 0;
	gr = getgrnam(group);
	if (gr == NULL)
		return failure(f, "group %s: no such group", group);
	*gid = gr->gr_gid;
	return 0;
}

int
harden_drop_privileges(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return -1;
	if (uid != 0 && setuid(0) != -1) {
		errno = EPERM;
		return -1;
	}
	/* a change of uid makes a process dumpable again */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
harden_drop_to_parent(uid_t uid, gid_t gid, uid_t child)
{
	if (geteuid() != 0)
		return 0;
	if (uid == 0 || child == 0) {
		errno = EPERM;
		return -1;
	}
	if (setgroups(1, &gid) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(child, uid, uid) == -1)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
harden_become_child(void)
{
	const uid_t child = getuid();

	if (child == geteuid())
		return 0;
	if (setresuid(child, child, child) == -1)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
harden_raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}
