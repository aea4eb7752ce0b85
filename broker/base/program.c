/* What the main() of every relay program does alike: see program.h. */
#include "base/program.h"
#include "base/failure.h"
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

static void
usage(const char *name, const char *letters)
{
	fprintf(stderr, "usage: %s [-%sdtV] [-c file]\n", name,
	    strchr(letters, 'D') != NULL ? "D" : "");
	exit(EX_USAGE);
}

static void
print_version(const char *name)
{
	printf("%s %s\n", name, VERSION);
	exit(EX_OK);
}

struct program_options
program_options(int argc, char **argv, const char *name, const char *letters)
{
	struct program_options o = {.conf = CONF_PATH};
	const char *given;
	int c;

	while ((c = getopt(argc, argv, letters)) != -1)
		switch (c) {
		case 'c':
			o.conf = optarg;
			break;
		case 'D':
			o.daemon = 1;
			break;
		case 'd':
			o.debug = 1;
			break;
		case 't':
			o.test = 1;
			break;
		case 'V':
			print_version(name);
			break;
		default:
			usage(name, letters);
		}
	if (optind != argc)
		usage(name, letters);
	/* a daemon leaves the folder that a relative path starts from */
	given = o.conf;
	if (o.daemon && (o.conf = realpath(given, NULL)) == NULL)
		program_fail(EX_CONFIG, "%s: %s", given, strerror(errno));
	return o;
}

void
program_relay_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid)
{
	struct failure f;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return;
	if (harden_lookup(conf->user, conf->group, uid, gid, &f) == -1)
		program_fail(
		    EX_NOUSER, "%s: set user in the configuration", f.text);
	if (*uid == 0)
		program_fail(
		    EX_CONFIG, "user is root: set user to an unprivileged one");
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
