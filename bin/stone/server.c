/* relay-stone's own part of a server that forks: see server.h. */
#include "stone/server.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "fork/forker.h"
#include "stone/forward_listeners.h"
#include "stone/material.h"
#include "stone/sandbox.h"
#include "stone/shared_pool.h"
#include "stone/single.h"
#include "stone/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 4096 /* processes; more wait in the backlog */

_Static_assert(
    STONE_FORWARDS_MAX <= FORKER_LISTENERS_MAX, "too many listeners");

/* ---- connections ---- */

static size_t
listeners(const struct forker *f, int fds[static FORKER_LISTENERS_MAX])
{
	const struct stone_server *server = f->owner;
	const struct forwards *set = server->forwards;

	for (size_t i = 0; i < set->conf.nforwards; i++)
		fds[i] = shared_pool_absent(server->sessions, set, i)
			     ? set->list[i].listener
			     : -1;
	return set->conf.nforwards;
}

static int
admits(const struct forker *f, size_t forward, int sock)
{
	const struct stone_server *server = f->owner;

	return stone_single_admits(&server->forwards->list[forward], sock);
}

/* In the child. */
static int
become_session(struct forker *f, size_t forward, int sock)
{
	const struct stone_server *server = f->owner;
	struct forwards *set = server->forwards;

	shared_pool_free(server->sessions);
	stone_status_forget(server->status);
	forwards_close(set);
	if (stone_sandbox_session() == -1)
		return EX_OSERR;
	return stone_single_run(sock, &set->list[forward], &set->proxy);
}

/* ---- sessions come and go ---- */

static void
started(struct forker *f, size_t forward, pid_t pid)
{
	struct stone_server *server = f->owner;

	shared_pool_used(server->sessions, forward);
	stone_status_started(
	    server->status, &server->forwards->list[forward], pid);
}

static int
ended(struct forker *f, pid_t pid)
{
	struct stone_server *server = f->owner;

	stone_status_ended(server->status, pid);
	return 0;
}

/* ---- signals ---- */

static int
renew_sandbox(const struct forwards *set, struct failure *f)
{
	int rc = stone_sandbox_renew(set);

	if (rc == -1)
		failure(f, "sandbox: %s", strerror(errno));
	return rc;
}

/* What the new set has not taken over of the old one's goes with it. */
static void
reload(struct forker *f)
{
	struct stone_server *server = f->owner;
	struct forwards *set;
	struct failure why;
	const char *part;

	if (f->draining)
		return;
	set = forwards_read(
	    server->argc, server->argv, server->env, &part, &why);
	if (set == NULL || renew_sandbox(set, &why) == -1 ||
	    forwards_listen(set, server->forwards, &why) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", why.text, NULL);
		stone_sandbox_renew(server->forwards);
		forwards_free(set);
		return;
	}
	shared_pool_renew(server->sessions, server->forwards, set);
	forwards_unlink(server->forwards);
	forwards_free(server->forwards);
	server->forwards = set;
	stone_status_renew(server->status, set);
	log_event(LOG_NOTICE, "reloaded", "forwards",
	    LOG_U64(set->conf.nforwards), NULL);
}

static void
drain(struct forker *f)
{
	struct stone_server *server = f->owner;

	shared_pool_drain(server->sessions);
	forwards_unlink(server->forwards);
	forwards_close(server->forwards);
	log_event(LOG_NOTICE, f->leaving ? "leaving" : "draining", "sessions",
	    LOG_U64(children_count(f->children)), NULL);
}

/* ---- now and then ---- */

/* A certificate that is renewed needs no hand; one that is not is told of. */
static void
tick(struct forker *f)
{
	struct stone_server *server = f->owner;
	const char *path;

	if (f->draining || deadline_left(server->tick) > 0)
		return;
	server->tick = deadline_in(WATCHED_MS);
	path = watched_replaced(&server->forwards->watched);
	if (path != NULL) {
		log_event(LOG_NOTICE, "replaced", "file", path, NULL);
		reload(f);
	}
	for (size_t i = 0; i < server->forwards->conf.nforwards; i++) {
		struct forward *forward = &server->forwards->list[i];

		expiry_check(&forward->expiry, "certificate",
		    stone_material_name(&forward->conf->tls), time(NULL));
	}
}

/* ---- shared sessions ---- */

static int64_t
tend_sessions(struct forker *f, int fds[static FORKER_ASIDE_MAX])
{
	struct stone_server *server = f->owner;

	fds[1] = stone_status_news(server->status);
	fds[2] = stone_status_listener(server->status);

	tick(f);
	return deadline_first(f->draining ? DEADLINE_NONE : server->tick,
	    shared_pool_tend(server->sessions, f, server->forwards, &fds[0]));
}

static void
serve_sessions(struct forker *f)
{
	struct stone_server *server = f->owner;

	shared_pool_serve(server->sessions);
	stone_status_serve(server->status, server->forwards, server->sessions);
}

/* ---- all together ---- */

int
stone_server_run(struct stone_server *server)
{
	static const struct forker_calls calls = {
	    .listeners = listeners,
	    .admits = admits,
	    .refuse = stone_single_reset,
	    .child = become_session,
	    .reload = reload,
	    .drain = drain,
	    .aside = tend_sessions,
	    .serve_aside = serve_sessions,
	    .started = started,
	    .ended = ended,
	};
	static const struct forker_words words = {
	    .shortage = "no-process",
	    .count = "sessions",
	    .killed = "session-killed",
	};
	struct forker f = {
	    .calls = &calls,
	    .words = &words,
	    .owner = server,
	    .signals = server->signals,
	    .children_max = SESSIONS_MAX,
	};

	int rc;

	server->sessions = shared_pool_new(server->forwards);
	if (server->sessions == NULL) {
		log_event(LOG_ERR, "no-process", "call", "epoll", "error",
		    strerror(errno), "sessions", "0", NULL);
		return EX_OSERR;
	}
	stone_status_renew(server->status, server->forwards);
	rc = forker_run(&f);
	shared_pool_free(server->sessions);
	return rc;
}
