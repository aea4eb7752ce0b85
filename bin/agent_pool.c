/* The pool of polls: see agent_pool.h. */
#define _GNU_SOURCE
#include "agent_pool.h"
#include "agent_poll.h"
#include "children.h"
#include "deadline.h"
#include "fd.h"
#include "log.h"
#include "program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define PROVEN_MS      30000 /* a poll that waited this long forgives failures */
#define SESSIONS_MAX   1024  /* polls and sessions: processes of this agent */

/* One place for a waiting poll. */
struct slot {
	int news;      /* from its process; -1: there is none */
	int64_t due;   /* when to start the next */
	int64_t since; /* waiting at the relay since; 0: not yet */
	int64_t backoff;
};

struct pool {
	struct agent_conf *conf;
	uint64_t agent;
	int signals;
	int stopping; /* how many signals asked for it */
	struct children *children;
	struct slot slots[AGENT_POLLS_MAX];
};

/* ---- starting polls ---- */

/* In the child: becomes the poll. Does not return. */
static void
become_poll(struct pool *pool, int news)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGCHLD};
	sigset_t set;

	/* until a stone has come, these simply end it */
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	fd_close(&pool->signals);
	for (unsigned i = 0; i < pool->conf->polls; i++)
		fd_close(&pool->slots[i].news);
	_exit(agent_poll_run(pool->conf, pool->agent, news));
}

/* Full jitter: any moment up to the back-off, which doubles each time. */
static int64_t
retry_later(struct slot *slot)
{
	int64_t delay = deadline_jitter(slot->backoff);

	if (slot->since != 0 && deadline_now() - slot->since >= PROVEN_MS)
		slot->backoff = BACKOFF_MIN_MS;
	else if (slot->backoff < BACKOFF_MAX_MS)
		slot->backoff *= 2;
	if (slot->backoff > BACKOFF_MAX_MS)
		slot->backoff = BACKOFF_MAX_MS;
	slot->due = deadline_in(delay);
	slot->since = 0;
	return delay;
}

static void
start_poll(struct pool *pool, struct slot *slot)
{
	int pair[2];
	pid_t pid = -1;

	if (children_count(pool->children) >= SESSIONS_MAX) {
		slot->due = deadline_in(BACKOFF_MIN_MS);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == 0) {
		pid = fork();
		if (pid == 0) {
			fd_close(&pair[0]);
			become_poll(pool, pair[1]);
		}
		fd_close(&pair[1]);
		if (pid == -1)
			fd_close(&pair[0]);
	}
	if (pid == -1 || children_add(pool->children, pid) == -1) {
		log_event(
		    LOG_ERR, "no-process", "error", strerror(errno), NULL);
		retry_later(slot);
	}
	if (pid != -1)
		slot->news = pair[0];
}

/* ---- news of them ---- */

static void
on_failed(const struct pool *pool, struct slot *slot, const char *why)
{
	char relay[NETADDR_HOST_MAX + NETADDR_PORT_MAX + 1];
	int64_t delay = retry_later(slot);

	fd_close(&slot->news);
	if (pool->stopping)
		return;
	snprintf(relay, sizeof(relay), "%s:%s", pool->conf->relay.host,
	    pool->conf->relay.port);
	log_event(LOG_WARNING, "not-connected", "relay", relay, "reason", why,
	    "retry_ms", LOG_U64(delay), NULL);
}

static void
on_news(const struct pool *pool, struct slot *slot)
{
	char packet[1 + POLL_TEXT_MAX];
	ssize_t n = recv(slot->news, packet, sizeof(packet) - 1, 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_failed(pool, slot, "the poll's process ended");
		return;
	}
	packet[n] = '\0';
	switch (packet[0]) {
	case POLL_WAITS:
		slot->since = deadline_now();
		log_event(LOG_INFO, "waiting", "relay", pool->conf->relay.host,
		    "port", pool->conf->relay.port, "customer", packet + 1,
		    NULL);
		break;
	case POLL_TAKEN:
		log_event(LOG_INFO, "taken", NULL);
		fd_close(&slot->news);
		slot->backoff = BACKOFF_MIN_MS;
		slot->due = slot->since = 0;
		break;
	default:
		on_failed(pool, slot, packet + 1);
	}
}

/* ---- the loop ---- */

static void
stop(struct pool *pool)
{
	log_event(LOG_NOTICE, "draining", "processes",
	    LOG_U64(children_count(pool->children)), NULL);
	/* a session holds SIGTERM back, a waiting poll does not */
	children_signal(
	    pool->children, pool->stopping++ == 0 ? SIGTERM : SIGKILL);
}

static void
serve_signals(struct pool *pool)
{
	struct signalfd_siginfo info;
	int status;

	while (read(pool->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			stop(pool);
		while (children_reap(pool->children, &status) != 0)
			;
	}
}

static void
serve_once(struct pool *pool)
{
	struct pollfd pfd[AGENT_POLLS_MAX + 1];
	unsigned polls = pool->conf->polls;
	int64_t until = DEADLINE_NONE;

	pfd[polls] = (struct pollfd){.fd = pool->signals, .events = POLLIN};
	for (unsigned i = 0; i < polls; i++) {
		struct slot *slot = &pool->slots[i];

		if (slot->news == -1 && !pool->stopping &&
		    deadline_left(slot->due) == 0)
			start_poll(pool, slot);
		if (slot->news == -1 && !pool->stopping)
			until = deadline_first(until, slot->due);
		pfd[i] = (struct pollfd){.fd = slot->news, .events = POLLIN};
	}
	if (poll(pfd, polls + 1, deadline_left(until)) <= 0)
		return;
	for (unsigned i = 0; i < polls; i++)
		if (pfd[i].revents != 0)
			on_news(pool, &pool->slots[i]);
	if (pfd[polls].revents != 0)
		serve_signals(pool);
}

int
agent_pool_run(struct agent_conf *conf, int signals)
{
	static struct pool pool;

	pool.conf = conf;
	pool.signals = signals;
	pool.children = children_new();
	if (pool.children == NULL || getrandom(&pool.agent, sizeof(pool.agent),
					 0) != sizeof(pool.agent)) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	pool.agent |= 1; /* 0 is no name */
	for (unsigned i = 0; i < conf->polls; i++)
		pool.slots[i] = (struct slot){
		    .news = -1, .backoff = BACKOFF_MIN_MS};
	while (!pool.stopping || children_count(pool.children) > 0)
		serve_once(&pool);
	for (unsigned i = 0; i < conf->polls; i++)
		fd_close(&pool.slots[i].news);
	children_free(pool.children);
	return EX_OK;
}
