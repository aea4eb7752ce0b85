/* relay-peer's loop: see peerd.h. */
#define _GNU_SOURCE
#include "peer/peerd.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "connection/registration.h"
#include "fork/forker.h"
#include "peer/inbound.h"
#include "peer/outbound.h"
#include "peer/peer_sandbox.h"
#include "tls/expiry.h"
#include "tls/validity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX 4096    /* crossings, and who has not said who it is */
#define DOWN_MS      5000    /* as in outbound.c */
#define HOUR_MS      3600000 /* to look at the certificate's dates again */

/* What the forker takes its connections from. */
enum { LISTENER_RELAYS, LISTENER_STONES };

/* A process that looks for an agent. */
struct seeker {
	uint32_t id; /* the stone's */
	pid_t pid;
	int life; /* closed to end the search */
	UT_hash_handle by_id, by_pid;
};

struct loop {
	struct peerd *p;
	struct registration broker;
	struct seeker *by_id, *by_pid;
	struct seeker *next; /* whose process is about to be made */
	const struct message *reach;
	struct expiry certificate;
};

/* ---- seekers ---- */

static void
forget(struct loop *l, struct seeker *s)
{
	HASH_DELETE(by_id, l->by_id, s);
	HASH_DELETE(by_pid, l->by_pid, s);
	fd_close(&s->life);
	free(s);
}

static struct seeker *
seeker_of(const struct loop *l, uint32_t id)
{
	struct seeker *s;

	HASH_FIND(by_id, l->by_id, &id, sizeof(id), s);
	return s;
}

/* Without memory or descriptors for it the stone meets only who is here. */
static void
seek(struct forker *f, const struct message *m)
{
	struct loop *l = f->owner;
	struct seeker *old = seeker_of(l, m->u.reach.id);
	int ends[2];

	if (old != NULL)
		forget(l, old);
	if (f->draining)
		return;
	l->next = calloc(1, sizeof(*l->next));
	if (l->next == NULL || pipe2(ends, O_CLOEXEC) == -1) {
		forker_log_shortage(f, "pipe2");
		free(l->next);
		l->next = NULL;
		return;
	}
	l->next->id = m->u.reach.id;
	l->next->life = ends[1];
	l->reach = m;
	forker_serve(f, LISTENER_STONES, ends[0]);
	if (l->next != NULL) { /* no process was to be had */
		fd_close(&l->next->life);
		free(l->next);
		l->next = NULL;
	}
}

static void
started(struct forker *f, size_t listener, pid_t pid)
{
	struct loop *l = f->owner;
	struct seeker *s = l->next;

	if (listener != LISTENER_STONES)
		return;
	s->pid = pid;
	l->next = NULL;
	HASH_ADD(by_id, l->by_id, id, sizeof(s->id), s);
	if (s->by_id.tbl != NULL)
		HASH_ADD(by_pid, l->by_pid, pid, sizeof(s->pid), s);
	if (s->by_pid.tbl != NULL)
		return;
	/* without memory it cannot be told later: so it ends now */
	if (s->by_id.tbl != NULL && l->by_id != NULL)
		HASH_DELETE(by_id, l->by_id, s);
	fd_close(&s->life);
	free(s);
}

/*
 * A place that has failed is not asked again at once, by anybody, and the stone
 * may be told of it.
 */
static void
note_down(void *arg, size_t place, uint32_t stone)
{
	struct message m = {.type = MESSAGE_UNREACHED, .u.unreached.id = stone};
	struct loop *l = arg;
	struct peerd *p = l->p;

	if (place >= p->conf.npeers)
		return;
	if (deadline_left(p->places[place].down_until) == 0)
		p->places[place].down_until = deadline_in(DOWN_MS);
	memcpy(m.u.unreached.node, p->conf.peers[place].name,
	    sizeof(m.u.unreached.node));
	registration_tell(&l->broker, &m);
}

static void
hear_children(struct loop *l)
{
	nodes_hear(&l->p->nodes, note_down, l);
}

static int
ended(struct forker *f, pid_t pid)
{
	struct loop *l = f->owner;
	struct seeker *s;

	HASH_FIND(by_pid, l->by_pid, &pid, sizeof(pid), s);
	if (s != NULL)
		forget(l, s);
	hear_children(l); /* what it said before it ended */
	return nodes_ended(&l->p->nodes, pid);
}

/* ---- children ---- */

static size_t
listeners(const struct forker *f, int fds[static FORKER_LISTENERS_MAX])
{
	const struct loop *l = f->owner;

	fds[LISTENER_RELAYS] = l->p->listener;
	return 1;
}

/* A child must not keep the other searches alive. */
static void
close_lives(struct loop *l)
{
	struct seeker *s, *tmp;

	HASH_ITER(by_id, l->by_id, s, tmp)
	fd_close(&s->life);
	if (l->next != NULL)
		fd_close(&l->next->life);
}

static int
cross(struct forker *f, size_t listener, int sock)
{
	struct loop *l = f->owner;
	struct peerd *p = l->p;

	fd_close(&p->listener);
	fd_close(&p->badge);
	fd_close(&p->nodes.told);
	filewatch_close(&p->crl);
	fd_close(&l->broker.fd);
	close_lives(l);
	registration_hush();
	if (peer_sandbox_child(listener == LISTENER_STONES) == -1) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	return listener == LISTENER_STONES ? outbound_run(p, l->reach, sock)
					   : inbound_run(p, sock);
}

static void
drain(struct forker *f)
{
	struct loop *l = f->owner;
	struct seeker *s, *tmp;

	fd_close(&l->p->listener);
	registration_close(&l->broker);
	l->broker.retry_at = DEADLINE_NONE;
	HASH_ITER(by_id, l->by_id, s, tmp)
	forget(l, s);
	log_event(LOG_NOTICE, f->leaving ? "leaving" : "draining", "crossings",
	    LOG_U64(children_count(f->children)), NULL);
}

/* ---- reload ---- */

static void
note_dates(struct loop *l)
{
	const X509 *certificate = l->p->material.dials.certificate;

	l->certificate = (struct expiry){.from = validity_start(certificate),
	    .at = validity_end(certificate)};
}

static void
watch_list(struct peerd *p)
{
	if (filewatch_set(&p->crl, p->conf.peer_crl) == -1)
		log_event(LOG_WARNING, "not-watched", "file", p->conf.peer_crl,
		    "error", strerror(errno), NULL);
}

/* Returns 0, or -1 with a reason in f: then all stays as it is. */
static int
load_again(struct loop *l, struct failure *f)
{
	struct peerd *p = l->p, fresh = *p;
	const int64_t now = deadline_now();

	if (relay_conf_read(&fresh.conf, p->conf_path, f) == -1)
		goto fail;
	if (fresh.conf.peer_certificate == NULL) {
		failure(f, "%s: no peer line any more", p->conf_path);
		relay_conf_free(&fresh.conf);
		goto fail;
	}
	if (peer_places_find(fresh.places, &fresh.conf, f) == -1 ||
	    peer_material_load(&fresh.material, &fresh.conf, f) == -1) {
		relay_conf_free(&fresh.conf);
		goto fail;
	}
	peer_material_free(&p->material);
	relay_conf_free(&p->conf);
	*p = fresh;
	l->broker.loaded = now;
	l->broker.socket = p->conf.socket;
	note_dates(l);
	watch_list(p);
	hear_children(l);
	nodes_recheck(&p->nodes, p->material.accepts.store);
	log_event(LOG_NOTICE, "reloaded", NULL);
	return 0;
fail:
	log_event(LOG_ERR, "reload-failed", "error", f->text, NULL);
	return -1;
}

static void
reload(struct forker *f)
{
	struct failure why;

	load_again(f->owner, &why);
}

/* ---- the broker ---- */

static int64_t
ready(struct forker *f, int fds[static FORKER_ASIDE_MAX])
{
	struct loop *l = f->owner;

	if (!f->draining)
		registration_connect(&l->broker);
	if (registration_missing(&l->broker) && !f->draining)
		registration_complain(&l->broker);
	fds[0] = l->broker.fd;
	fds[1] = l->p->nodes.told;
	fds[2] = l->p->crl.fd;
	expiry_check(&l->certificate, "peer_certificate",
	    l->p->conf.peer_certificate, time(NULL));
	return deadline_first(
	    registration_due(&l->broker), deadline_in(HOUR_MS));
}

static void
recheck(struct loop *l)
{
	struct message answer = {.type = MESSAGE_RECHECKED};
	struct failure why;

	answer.u.rechecked.verdict = RECHECK_GOOD;
	if (load_again(l, &why) == -1) {
		answer.u.rechecked.verdict = RECHECK_FAILED;
		snprintf(answer.u.rechecked.reason,
		    sizeof(answer.u.rechecked.reason), "%.*s",
		    ADMIN_TEXT_MAX - 1, why.text);
	}
	registration_tell(&l->broker, &answer);
}

static void
serve_aside(struct forker *f)
{
	static struct wire_packet packet;
	struct loop *l = f->owner;
	struct seeker *s;

	hear_children(l);
	if (filewatch_changed(&l->p->crl))
		reload(f);
	while (registration_receive(&l->broker, &packet)) {
		wire_close_fds(&packet);
		switch (packet.message.type) {
		case MESSAGE_REACH:
			seek(f, &packet.message);
			break;
		case MESSAGE_LEFT:
			s = seeker_of(l, packet.message.u.left.id);
			if (s != NULL)
				forget(l, s);
			break;
		case MESSAGE_RECHECK:
			recheck(l);
			break;
		case MESSAGE_LOG_LEVEL:
			log_set_level((int)packet.message.u.log_level.level);
			break;
		default:
			break;
		}
	}
}

/* ---- all together ---- */

int
peerd_run(struct peerd *p)
{
	static const struct forker_calls calls = {
	    .listeners = listeners,
	    .child = cross,
	    .started = started,
	    .ended = ended,
	    .reload = reload,
	    .drain = drain,
	    .aside = ready,
	    .serve_aside = serve_aside,
	};
	static const struct forker_words words = {
	    .shortage = "no-crossing",
	    .count = "crossings",
	    .killed = "crossing-killed",
	};
	struct loop l = {.p = p};
	struct forker f = {
	    .calls = &calls,
	    .words = &words,
	    .owner = &l,
	    .signals = p->signals,
	    .children_max = CHILDREN_MAX,
	};
	int rc;

	registration_init_spawner(
	    &l.broker, p->conf.socket, ATTACH_PEER, p->loaded, p->badge);
	note_dates(&l);
	watch_list(p);
	rc = forker_run(&f);
	registration_close(&l.broker);
	nodes_free(&p->nodes);
	filewatch_close(&p->crl);
	return rc;
}
