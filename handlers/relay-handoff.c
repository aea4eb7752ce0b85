/*
 * relay-handoff(8): what xinetd(8) starts for a connection in relay-handler's
 * place, because it starts faster: it is linked to libc alone. It hands the
 * connection over to relay-listen(8), which has TLS loaded, and lives as long
 * as the handler there, so that xinetd counts right. Where that cannot be had
 * it becomes relay-handler, which also says what is wrong.
 */
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/program.h"
#include "config/relay_conf.h"
#include "config/relay_program.h"
#include "spawn/handoff.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NAME    "relay-handoff"
#define HANDLER "relay-handler"

/* Returns the lifeline of the handler that has sock now, or -1. */
static int
hand_over(int sock, const char *conf_path)
{
	struct relay_conf conf;
	struct failure f;
	int lifeline = -1;

	if (relay_conf_read(&conf, conf_path, &f) == -1)
		return -1;
	if (conf.handoff != NULL) {
		lifeline = handoff_give(conf.handoff, sock);
		if (lifeline == -1)
			log_event(LOG_NOTICE, "not-handed-over", "handoff",
			    conf.handoff, "error", strerror(errno), NULL);
	}
	relay_conf_free(&conf);
	return lifeline;
}

/* The one in the folder of this program, with the same arguments and fd 0. */
static void
become_handler(int sock, char **argv)
{
	char path[PATH_MAX];
	const size_t room = sizeof(path) - sizeof(HANDLER);
	ssize_t n = readlink("/proc/self/exe", path, room);

	if (n == -1)
		program_fail(EX_OSERR, "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, HANDLER);
	if (sock != -1 && dup2(sock, STDIN_FILENO) == -1)
		program_fail(EX_OSERR, "dup2: %s", strerror(errno));
	argv[0] = path;
	execv(path, argv);
	program_fail(EX_OSERR, "%s: %s", path, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct relay_program_options o;
	int sock, lifeline = -1;

	/* first of all: under xinetd a message to stderr goes to the client */
	sock = fd_take_inetd_socket();
	if (sock == -1 && fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, fd_stderr_usable() ? LOG_TO_STDERR : LOG_TO_SYSLOG, 0);
	o = relay_program_options(argc, argv, NAME, "c:dtV");
	if (harden_process(sock) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (sock != -1 && !o.test && geteuid() != 0)
		lifeline = hand_over(sock, o.conf);
	if (lifeline == -1)
		become_handler(sock, argv);
	fd_close(&sock);
	signal(SIGHUP, SIG_IGN); /* as the handler does */
	handoff_wait(lifeline);
	_exit(EX_OK); /* exit(3) might do more than the sandbox lets it */
}
