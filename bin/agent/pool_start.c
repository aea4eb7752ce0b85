/* The polls of the pool begin: see pool_start.h. */
#include "agent/pool_start.h"
#include "agent/sandbox.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS_MAX 1024 /* polls and sessions: processes of this agent */

/* In the child: becomes the poll. Does not return. */
static void
become_poll(struct pool *pool, const struct netaddr *relay, int fd, int news)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1};
	sigset_t set;

	/* until a stone has come, TERM and INT simply end it */
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* a pool that is killed takes its waiting polls along, too */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != pool->pid)
		raise(SIGTERM);
	fd_close(&pool->signals);
	fd_close(&pool->status);
	for (size_t i = 0; i < pool->nrelays; i++)
		agent_relay_forget(&pool->relays[i]);
	ending_forget(&pool->ending);
	if (agent_sandbox_poll() == -1)
		_exit(EX_OSERR);
	_exit(agent_poll_run(pool->conf, relay, fd, pool->agent, news));
}

/* On the socket fd, which stays the caller's; -1: none yet. */
static int
start_poll(
    struct pool *pool, struct agent_relay *relay, struct slot *slot, int fd)
{
	int pair[2];
	pid_t pid;

	if (children_count(pool->children) >= SESSIONS_MAX) {
		errno = EAGAIN;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1)
		return -1;
	pid = fork();
	if (pid == 0) {
		fd_close(&pair[0]);
		become_poll(pool, &relay->place, fd, pair[1]);
	}
	fd_close(&pair[1]);
	if (pid == -1 || children_add(pool->children, pid) == -1) {
		fd_close(&pair[0]);
		return -1;
	}
	slot->news = pair[0];
	slot->pid = pid;
	slot->since = 0;
	return 0;
}

/* Later, then. */
static void
no_process(struct agent_relay *relay)
{
	log_event(LOG_ERR, "no-process", "error", strerror(errno), NULL);
	agent_relay_postpone(relay);
}

void
pool_wake(
    struct pool *pool, struct agent_relay *relay, struct slot *slot, int fd)
{
	if (start_poll(pool, relay, slot, fd) == -1)
		no_process(relay);
	fd_close(&fd);
}

void
pool_fill(struct pool *pool, struct agent_relay *relay)
{
	struct slot *slot;

	while ((slot = agent_relay_vacancy(relay)) != NULL)
		if (start_poll(pool, relay, slot, -1) == -1)
			no_process(relay);
}
