/* The spawner's own part of a server that forks: see spawner.h. */
#include "spawn/spawner.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "connection/balancer.h"
#include "connection/registration.h"
#include "fork/forker.h"
#include "spawn/child.h"
#include "spawn/handoff.h"
#include "spawn/prefork.h"
#include "spawn/reload.h"
#include "tls/expiry.h"
#include "tls/server.h"
#include "tls/validity.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

_Static_assert(
    CONF_LISTEN_MAX + 1 <= FORKER_LISTENERS_MAX, "too many listeners");

#define STRANGER_MS 1000    /* between two lines of them */
#define HOUR_MS     3600000 /* to look at the certificate's dates again */

struct loop {
	struct spawner *spawner;
	struct registration broker;
	struct in6_addr from;      /* who arrives now */
	struct message_wake wake;  /* what is said of one that is woken now */
	struct expiry certificate; /* the relay's own */
};

/* ---- connections ---- */

static size_t
listeners(const struct forker *f, int fds[static FORKER_LISTENERS_MAX])
{
	const struct loop *l = f->owner;
	const struct spawner *s = l->spawner;

	memcpy(fds, s->listeners, s->nlisteners * sizeof(*fds));
	fds[s->nlisteners] = s->handoff;
	return s->nlisteners + 1;
}

/* The last of them, whose connections bring the real one. */
static int
is_handoff(const struct spawner *s, size_t listener)
{
	return listener == s->nlisteners;
}

/* None of them: the broker brings who is woken. */
static size_t
of_broker(const struct spawner *s)
{
	return s->nlisteners + 1;
}

/* Who arrives is let in; the oldest of those whom nobody knows make room. */
static void
make_room(struct loop *l, int sock)
{
	struct spawner *s = l->spawner;

	/* a balancer's clients share its address; who they are it says later */
	if (balancer_connects(&s->conf, sock) == 1)
		l->from = in6addr_any;
	else
		arrivals_address(&l->from, sock);
	arrivals_make_room(&s->arrivals, &l->from, s->conf.max_unregistered,
	    s->conf.max_unregistered_from);
}

/* What a connection of this listener is. */
static struct pool_task
task_of(const struct loop *l, size_t listener)
{
	struct pool_task task = {
	    .is_handoff = is_handoff(l->spawner, listener) != 0,
	    .is_woken = listener == of_broker(l->spawner),
	    .log_level = (uint8_t)log_level()};

	if (task.is_woken)
		task.wake = l->wake;
	return task;
}

/* Has m serve sock. Returns 0, or -1 where m is let go. */
static int
give(struct loop *l, struct pool_member *m, size_t listener, int sock)
{
	const struct pool_task task = task_of(l, listener);
	int fds[POOL_FDS] = {sock, -1, -1}, rc;

	/* without a lifeline it cannot be had */
	if (task.is_handoff)
		handoff_lifeline(m->pid, &fds[POOL_LIFELINE]);
	rc = pool_give(&l->spawner->pool, m, task, fds);
	fd_close(&fds[POOL_LIFELINE]);
	fd_close(&fds[POOL_OTHER_END]);
	return rc;
}

/* Whether who has served one may serve another. */
static int
rests(void *arg, pid_t pid)
{
	return arrivals_rests(arg, pid);
}

/* Looks again before there is to be a new one, which costs more than to look.
 */
static struct pool_member *
find_idle(struct spawner *s)
{
	struct pool_member *m = pool_idle(&s->pool);

	if (m != NULL)
		return m;
	pool_listen(&s->pool, rests, &s->arrivals);
	return pool_idle(&s->pool);
}

static int
reuse(struct forker *f, size_t listener, int sock)
{
	struct loop *l = f->owner;
	struct pool_member *m;

	if (l->spawner->conf.handler_uses == 1)
		return 0;
	while ((m = find_idle(l->spawner)) != NULL) {
		const pid_t pid = m->pid;

		if (give(l, m, listener, sock) == -1)
			continue;
		arrivals_add(&l->spawner->arrivals, pid, &l->from);
		return 1;
	}
	pool_prepare(&l->spawner->pool);
	return 0;
}

static void
started(struct forker *f, size_t listener, pid_t pid)
{
	struct loop *l = f->owner;

	(void)listener;
	arrivals_add(&l->spawner->arrivals, pid, &l->from);
	pool_add(&l->spawner->pool, pid, l->spawner->conf.handler_uses - 1);
}

static int
ended(struct forker *f, pid_t pid)
{
	struct loop *l = f->owner;

	pool_forget(&l->spawner->pool, pid);
	return arrivals_ended(&l->spawner->arrivals, pid);
}

/* Who hands a connection over is to be of ours. */
static int
admits_handoff(int sock)
{
	static int64_t next_line;
	struct rights who;

	if (handoff_trusts(sock, getuid(), &who))
		return 1;
	if (deadline_rings(&next_line, STRANGER_MS))
		log_event(LOG_WARNING, "stranger", "uid", LOG_U64(who.uid),
		    "pid", LOG_U64(who.pid), NULL);
	return 0;
}

static int
admits(const struct forker *f, size_t listener, int sock)
{
	struct loop *l = f->owner;

	if (is_handoff(l->spawner, listener) ? !admits_handoff(sock)
					     : arrivals_has_left(sock))
		return 0;
	make_room(l, sock);
	return 1;
}

static void
close_listeners(struct spawner *s)
{
	for (size_t i = 0; i < s->nlisteners; i++)
		fd_close(&s->listeners[i]);
	fd_close(&s->handoff);
	fd_close(&s->handoff_lock);
}

static int
become_handler(struct forker *f, size_t listener, int sock)
{
	struct loop *l = f->owner;
	struct spawner *s = l->spawner;
	const struct pool_task task = task_of(l, listener);
	struct child c = {.conf = &s->conf,
	    .tls = &s->tls,
	    .tell = s->arrivals.tell,
	    .channel = pool_become_child(&l->spawner->pool)};

	close_listeners(s);
	fd_close(&s->badge);
	fd_close(&s->arrivals.told);
	fd_close(&l->broker.fd);
	registration_hush();
	if (harden_become_child() == -1) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	return child_run(&c, sock, &task);
}

static void
drain(struct forker *f)
{
	struct loop *l = f->owner;

	/* while the lock is held: another may listen there next */
	if (l->spawner->handoff != -1)
		unlink(l->spawner->conf.handoff);
	close_listeners(l->spawner);
	/* nobody is to be woken here any more, nor are files to be read */
	registration_close(&l->broker);
	pool_retire(&l->spawner->pool);
	children_signal(f->children, f->leaving ? SIGUSR2 : SIGTERM);
	log_event(LOG_NOTICE, f->leaving ? "leaving" : "draining", "handlers",
	    LOG_U64(children_count(f->children)), NULL);
}

/* ---- reload ---- */

static void
note_dates(struct loop *l)
{
	l->certificate = (struct expiry){
	    .from = validity_start(l->spawner->tls.certificate),
	    .at = validity_end(l->spawner->tls.certificate),
	};
}

/* Returns 0, or -1 with a reason in f: then all stays as it is. */
static int
reload(struct loop *l, struct failure *f)
{
	const int64_t now = deadline_now();

	if (spawner_reload(l->spawner, f) == -1)
		return -1;
	l->broker.loaded = now;
	l->broker.socket = l->spawner->conf.socket;
	note_dates(l);
	return 0;
}

/* SIGHUP: the broker lets all others know. */
static void
reload_everywhere(struct forker *f)
{
	struct loop *l = f->owner;
	const struct message m = {.type = MESSAGE_RELOAD};
	struct failure why;

	reload(l, &why);
	registration_tell(&l->broker, &m);
}

/* ---- the broker, and children that wait ---- */

static int64_t
broker_ready(struct forker *f, int fds[static FORKER_ASIDE_MAX])
{
	struct loop *l = f->owner;

	if (f->draining)
		return DEADLINE_NONE;
	registration_connect(&l->broker);
	if (registration_missing(&l->broker))
		registration_complain(&l->broker);
	fds[0] = l->broker.fd;
	fds[1] = l->spawner->pool.watch;
	pool_tidy(&l->spawner->pool);
	expiry_check(&l->certificate, "certificate",
	    l->spawner->conf.certificate, time(NULL));
	return deadline_first(deadline_first(registration_due(&l->broker),
				  pool_due(&l->spawner->pool)),
	    deadline_in(HOUR_MS));
}

/* An agent that was parked arrives as any other does. */
static void
wake(struct forker *f, struct wire_packet *packet)
{
	struct loop *l = f->owner;
	int sock = packet->fds[WIRE_SOCKET];

	packet->fds[WIRE_SOCKET] = -1;
	l->wake = packet->message.u.wake;
	make_room(l, sock);
	forker_serve(f, of_broker(l->spawner), sock);
}

static void
serve_broker(struct forker *f)
{
	struct loop *l = f->owner;
	struct message answer = {.type = MESSAGE_RECHECKED};
	struct wire_packet packet;
	struct failure why;

	while (registration_receive(&l->broker, &packet)) {
		if (packet.message.type == MESSAGE_WAKE)
			wake(f, &packet);
		wire_close_fds(&packet);
		if (packet.message.type == MESSAGE_LOG_LEVEL)
			log_set_level((int)packet.message.u.log_level.level);
		if (packet.message.type != MESSAGE_RECHECK)
			continue;
		answer.u.rechecked.verdict = RECHECK_GOOD;
		/* what counts is loaded: revocations do not wait for it */
		if (reload(l, &why) == -1 ||
		    tls_server_check(
			&l->spawner->tls, &l->spawner->conf, &why) == -1) {
			answer.u.rechecked.verdict = RECHECK_FAILED;
			snprintf(answer.u.rechecked.reason,
			    sizeof(answer.u.rechecked.reason), "%.*s",
			    ADMIN_TEXT_MAX - 1, why.text);
		}
		registration_tell(&l->broker, &answer);
	}
}

static void
serve_aside(struct forker *f)
{
	struct loop *l = f->owner;

	pool_listen(&l->spawner->pool, rests, &l->spawner->arrivals);
	serve_broker(f);
}

/* ---- all together ---- */

int
spawner_run(struct spawner *s)
{
	static const struct forker_calls calls = {
	    .listeners = listeners,
	    .admits = admits,
	    .reuse = reuse,
	    .child = become_handler,
	    .started = started,
	    .ended = ended,
	    .reload = reload_everywhere,
	    .drain = drain,
	    .aside = broker_ready,
	    .serve_aside = serve_aside,
	};
	static const struct forker_words words = {
	    .shortage = "no-handler",
	    .count = "handlers",
	    .killed = "handler-killed",
	};
	struct loop l = {.spawner = s};
	struct forker f = {
	    .calls = &calls,
	    .words = &words,
	    .owner = &l,
	    .signals = s->signals,
	};
	int rc;

	registration_init_spawner(
	    &l.broker, s->conf.socket, ATTACH_SPAWNER, s->loaded, s->badge);
	note_dates(&l);
	prefork_warm(&s->tls);
	rc = forker_run(&f);
	registration_close(&l.broker);
	return rc;
}
