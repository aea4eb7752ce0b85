/* What the main() of every program does alike: see program.h. */
#include "base/program.h"
#include "base/harden.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

void
program_fail(int code, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_failure(text);
	exit(code);
}

void
program_become(uid_t uid, gid_t gid)
{
	if (harden_drop_privileges(uid, gid) == -1)
		program_fail(EX_OSERR, "cannot become uid %lu: %s",
		    (unsigned long)uid, strerror(errno));
}

int
program_daemonize(void)
{
	return daemon(0, 0);
}

int
program_signals(const int *signals)
{
	sigset_t set;

	sigemptyset(&set);
	for (; *signals != 0; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}
