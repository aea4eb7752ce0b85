/* The pool of polls: see pool.h. */
#define _GNU_SOURCE
#include "agent/pool.h"
#include "agent/pool_choice.h"
#include "agent/pool_start.h"
#include "agent/pool_state.h"
#include "agent/relay_parked.h"
#include "agent/sandbox.h"
#include "agent/status.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "tls/validity.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS  WATCHED_MS /* to see that the machine has slept, too */
#define SLEPT_MS 30000      /* the relay has missed a keep-alive: start anew */

/* ---- configuration ---- */

static void
set_up_relays(struct pool *pool)
{
	pool->nrelays = pool->conf->relays.n;
	for (size_t i = 0; i < pool->nrelays; i++)
		agent_relay_init(
		    &pool->relays[i], &pool->conf->relays.list[i], pool->conf);
	pool_choice_begin(pool);
	pool->certificate = (struct expiry){
	    .from = validity_start(pool->conf->tls.certificate),
	    .at = validity_end(pool->conf->tls.certificate),
	};
}

/* Frees conf's content where that fails. */
static int
renew_sandbox(struct agent_conf *conf, struct failure *f)
{
	if (agent_sandbox_renew(conf) == 0)
		return 0;
	failure(f, "sandbox: %s", strerror(errno));
	agent_conf_free(conf);
	return -1;
}

/*
 * Sessions live on with what they began with; polls begin anew. A session of
 * many connections takes no more of them, and the signal tells it so.
 */
static void
restart_polls(struct pool *pool)
{
	for (size_t i = 0; i < pool->nrelays; i++)
		agent_relay_restart(&pool->relays[i], &pool->ending);
	children_signal(pool->children, SIGHUP);
}

static void
reload(struct pool *pool)
{
	struct agent_conf *conf = malloc(sizeof(*conf));
	struct agent_run run;
	struct failure f = {.text = "out of memory"};

	if (conf == NULL ||
	    agent_conf_read(conf, &run, pool->source, &f) == -1 ||
	    renew_sandbox(conf, &f) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", f.text, NULL);
		free(conf);
		return;
	}
	restart_polls(pool);
	agent_conf_free(pool->conf);
	*pool->conf = *conf;
	OPENSSL_cleanse(conf, sizeof(*conf));
	free(conf);
	set_up_relays(pool);
	log_event(LOG_NOTICE, "reloaded", NULL);
}

/* A certificate that is renewed needs no hand. */
static void
reload_replaced(struct pool *pool)
{
	const char *path = watched_replaced(&pool->conf->watched);

	if (path == NULL)
		return;
	log_event(LOG_NOTICE, "replaced", "file", path, NULL);
	reload(pool);
}

/* ---- signals ---- */

static void
stop(struct pool *pool)
{
	log_event(LOG_NOTICE, "draining", "processes",
	    LOG_U64(children_count(pool->children)), NULL);
	notify("STOPPING=1\nSTATUS=waiting for sessions to end");
	for (size_t i = 0; i < pool->nrelays; i++)
		agent_relay_unpark(&pool->relays[i]);
	/* a session holds SIGTERM back, a waiting poll does not */
	children_signal(
	    pool->children, pool->stopping++ == 0 ? SIGTERM : SIGKILL);
}

static size_t
count_sessions(const struct pool *pool)
{
	size_t n = children_count(pool->children);

	for (size_t i = 0; i < pool->nrelays; i++)
		n -= agent_relay_processes(&pool->relays[i]);
	return n - ending_processes(&pool->ending);
}

/* Sessions need no parent, and what starts next polls anew. */
static void
leave(struct pool *pool)
{
	log_event(LOG_NOTICE, "leaving", "processes",
	    LOG_U64(children_count(pool->children)), NULL);
	notify("STOPPING=1");
	children_signal(pool->children, SIGTERM);
	pool->leaving = 1;
}

static void
log_status(struct pool *pool)
{
	for (size_t i = 0; i < pool->nrelays; i++)
		agent_relay_status(&pool->relays[i]);
	log_event(LOG_NOTICE, "status", "sessions",
	    LOG_U64(count_sessions(pool)), NULL);
}

static void
answer_status(struct pool *pool)
{
	const struct agent_status s = {
	    .started = pool->started,
	    .relays = pool->relays,
	    .nrelays = pool->nrelays,
	    .sessions = &pool->sessions,
	    .nsessions = count_sessions(pool),
	    .certificate = &pool->certificate,
	};

	agent_status_answer(pool->status, &s);
}

static void
reap(struct pool *pool)
{
	int status;
	pid_t pid;

	while ((pid = children_reap(pool->children, &status)) != 0) {
		status_sessions_end(&pool->sessions, pid);
		ending_reaped(&pool->ending, pid);
		for (size_t i = 0; i < pool->nrelays; i++)
			agent_relay_reaped(&pool->relays[i], pid);
	}
}

static void
serve_signals(struct pool *pool)
{
	struct signalfd_siginfo info;

	while (read(pool->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			log_status(pool);
		else if (info.ssi_signo == SIGHUP && !pool->stopping)
			reload(pool);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			stop(pool);
		else if (info.ssi_signo == SIGUSR2)
			leave(pool);
		reap(pool);
	}
}

/* ---- now and then ---- */

static void
tell_manager(struct pool *pool)
{
	unsigned waiting = 0, polls = 0;

	for (size_t i = 0; i < pool->nrelays; i++) {
		waiting += agent_relay_waiting(&pool->relays[i]) > 0;
		polls += agent_relay_waiting(&pool->relays[i]);
	}
	if (waiting == pool->told_waiting && polls == pool->told_polls)
		return;
	pool->told_waiting = waiting;
	pool->told_polls = polls;
	notify("STATUS=%u polls wait at %u of %zu relays", polls, waiting,
	    pool->nrelays);
}

/* What no event tells of. */
static void
tick(struct pool *pool)
{
	int64_t slept = suspend_slept(&pool->suspend), now = time(NULL);

	if (pool->stopping)
		return;
	if (slept >= SLEPT_MS)
		log_event(LOG_NOTICE, "woke", "slept_ms", LOG_U64(slept), NULL);
	reload_replaced(pool);
	if (agent_sandbox_is_stale()) {
		log_event(LOG_NOTICE, "names-changed", NULL);
		restart_polls(pool);
	}
	for (size_t i = 0; i < pool->nrelays; i++) {
		struct agent_relay *relay = &pool->relays[i];

		if (slept >= SLEPT_MS)
			agent_relay_restart(relay, &pool->ending);
		else
			agent_relay_trim(relay, &pool->ending);
		expiry_check(&relay->customer, "customer", relay->text, now);
	}
	expiry_check(&pool->certificate, "certificate", "this agent", now);
	tell_manager(pool);
}

/* ---- the loop ---- */

/* Of a process that polls, or of a parked poll. */
static void
serve_slot(struct pool *pool, struct agent_relay *relay, struct slot *slot)
{
	int fd;

	if (slot->news != -1) {
		status_sessions_add(&pool->sessions,
		    agent_relay_news(relay, slot, pool->stopping), relay->text);
		return;
	}
	fd = agent_relay_hear(relay, slot);
	if (fd != -1)
		pool_wake(pool, relay, slot, fd);
}

/* A slot of any relay that is polled for, in the order of the array. */
static void
serve_slots(struct pool *pool, const struct pollfd *pfd)
{
	for (size_t i = 0; i < pool->nrelays; i++)
		for (size_t j = 0; j < AGENT_POLLS_MAX; j++, pfd++)
			if (pfd->fd != -1 && pfd->revents != 0)
				serve_slot(pool, &pool->relays[i],
				    &pool->relays[i].slots[j]);
}

/* Stones that came just before their polls were told to end. */
static void
serve_ending(struct pool *pool)
{
	struct ending_poll taken;

	while (ending_next(&pool->ending, &taken)) {
		for (size_t i = 0; i < pool->nrelays; i++)
			if (strcmp(pool->relays[i].text, taken.relay) == 0)
				agent_relay_arrival(&pool->relays[i]);
		status_sessions_add(&pool->sessions, taken.pid, taken.relay);
	}
}

static struct pollfd
slot_wants(const struct slot *slot)
{
	return (struct pollfd){
	    .fd = slot->news != -1 ? slot->news : slot->parked.fd,
	    .events = POLLIN,
	};
}

static void
serve_once(struct pool *pool)
{
	static struct pollfd
	    pfd[AGENT_RELAYS_MAX * AGENT_POLLS_MAX + ENDING_MAX + 2];
	int64_t until;
	nfds_t n = 0;

	if (deadline_left(pool->tick) == 0) {
		tick(pool);
		pool->tick = deadline_in(TICK_MS);
	}
	until = pool->tick;
	if (!pool->stopping)
		until = deadline_first(until, pool_choice_tend(pool));
	for (size_t i = 0; i < pool->nrelays; i++) {
		struct agent_relay *relay = &pool->relays[i];

		if (!pool->stopping) {
			agent_relay_tend(relay);
			pool_fill(pool, relay);
			until = deadline_first(until, agent_relay_due(relay));
		}
		for (size_t j = 0; j < AGENT_POLLS_MAX; j++)
			pfd[n++] = slot_wants(&relay->slots[j]);
	}
	pfd[n] = (struct pollfd){.fd = pool->signals, .events = POLLIN};
	pfd[n + 1] = (struct pollfd){.fd = pool->status, .events = POLLIN};
	ending_wants(&pool->ending, pfd + n + 2);
	if (poll(pfd, n + 2 + pool->ending.n, deadline_left(until)) <= 0)
		return;
	serve_slots(pool, pfd);
	serve_ending(pool);
	if (pfd[n + 1].revents != 0)
		answer_status(pool);
	if (pfd[n].revents != 0)
		serve_signals(pool);
}

int
agent_pool_run(struct agent_conf *conf, const struct agent_source *source,
    int signals, int status)
{
	static struct pool pool;

	pool.conf = conf;
	pool.pid = getpid();
	pool.source = source;
	pool.signals = signals;
	pool.status = status;
	pool.started = time(NULL);
	pool.children = children_new();
	if (pool.children == NULL || getrandom(&pool.agent, sizeof(pool.agent),
					 0) != sizeof(pool.agent)) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	pool.agent |= 1; /* 0 is no name */
	suspend_init(&pool.suspend);
	set_up_relays(&pool);
	notify("READY=1\nSTATUS=connecting");
	while (!pool.leaving &&
	       (!pool.stopping || children_count(pool.children) > 0))
		serve_once(&pool);
	for (size_t i = 0; i < pool.nrelays; i++)
		agent_relay_forget(&pool.relays[i]);
	ending_forget(&pool.ending);
	children_free(pool.children);
	agent_conf_free(conf);
	return EX_OK;
}
