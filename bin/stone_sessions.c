/* relay-stone's shared sessions: see stone_sessions.h. */
#define _GNU_SOURCE
#include "stone_sessions.h"
#include "deadline.h"
#include "fd.h"
#include "handover.h"
#include "log.h"
#include "stone_mux.h"
#include "stone_session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 15000
#define PROVEN_MS      10000  /* one that was ready so long forgives failures */
#define WAIT_MS        2000   /* of connections, for a session to be ready */
#define PLAIN_MS       600000 /* until the agent is asked anew */
#define TRIES_MAX      3      /* sessions that one connection is given to */
#define NO_FORWARD     STONE_FORWARDS_MAX

enum stage { OPENING, READY, DRAINING };

/* One session's process. */
struct session {
	LIST_ENTRY(session) entry;
	enum stage stage;
	size_t forward; /* its index; NO_FORWARD: it is no more */
	pid_t pid;
	int control;
	int64_t since; /* ready since then */
};

/* How one forward's sessions fare. */
struct line {
	size_t ready, opening;
	int64_t unready; /* none has been ready since then */
	int down;        /* nor could one be opened */
	int64_t plain;   /* the agent takes no shared ones, until then */
	int64_t due;     /* none is opened before */
	int64_t backoff; /* milliseconds; what due may be ahead at most */
};

/* A connection that came back. */
struct orphan {
	STAILQ_ENTRY(orphan) entry;
	size_t forward;
	pid_t from; /* the session that had it */
	int sock;
	unsigned tries;
};

struct stone_sessions {
	int epoll;
	LIST_HEAD(, session) all;
	STAILQ_HEAD(, orphan) orphans;
	struct line lines[STONE_FORWARDS_MAX];
};

/* ---- life ---- */

static void
reset_lines(struct stone_sessions *k)
{
	memset(k->lines, 0, sizeof(k->lines));
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++) {
		k->lines[i].unready = deadline_now();
		k->lines[i].backoff = BACKOFF_MIN_MS;
	}
}

struct stone_sessions *
stone_sessions_new(void)
{
	struct stone_sessions *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	STAILQ_INIT(&k->orphans);
	reset_lines(k);
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll != -1)
		return k;
	free(k);
	return NULL;
}

static void
forget(struct session *s)
{
	LIST_REMOVE(s, entry);
	fd_close(&s->control);
	free(s);
}

void
stone_sessions_free(struct stone_sessions *k)
{
	struct session *s;
	struct orphan *o;

	if (k == NULL)
		return;
	while ((s = LIST_FIRST(&k->all)) != NULL)
		forget(s);
	while ((o = STAILQ_FIRST(&k->orphans)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->orphans, entry);
		close(o->sock);
		free(o);
	}
	fd_close(&k->epoll);
	free(k);
}

size_t
stone_sessions_ready(const struct stone_sessions *k)
{
	size_t n = 0;

	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++)
		n += k->lines[i].ready;
	return n;
}

/* ---- whose turn it is ---- */

static int
is_plain(const struct line *line)
{
	return line->plain != 0 && deadline_left(line->plain) > 0;
}

int
stone_sessions_absent(
    const struct stone_sessions *k, const struct forwards *set, size_t index)
{
	const struct line *line = &k->lines[index];

	if (set->conf.forwards[index].sessions == 0 || is_plain(line))
		return 1;
	return line->ready == 0 &&
	       (line->down || deadline_left(line->unready + WAIT_MS) == 0);
}

/* ---- stages ---- */

static struct line *
line_of(struct stone_sessions *k, const struct session *s)
{
	static struct line none;

	return s->forward == NO_FORWARD ? &none : &k->lines[s->forward];
}

static void
leave_stage(struct stone_sessions *k, struct session *s)
{
	struct line *line = line_of(k, s);

	if (s->stage == OPENING)
		line->opening--;
	if (s->stage == READY && --line->ready == 0)
		line->unready = deadline_now();
	s->stage = DRAINING;
}

static void
become_ready(struct stone_sessions *k, struct session *s)
{
	struct line *line = line_of(k, s);

	if (s->stage != OPENING)
		return;
	leave_stage(k, s);
	s->stage = READY;
	s->since = deadline_now();
	line->ready++;
	line->down = 0;
}

/* Full jitter, as relayagent has it. */
static void
back_off(struct line *line)
{
	line->due = deadline_in(deadline_jitter(line->backoff));
	line->backoff *= 2;
	if (line->backoff > BACKOFF_MAX_MS)
		line->backoff = BACKOFF_MAX_MS;
}

static void
on_end(struct stone_sessions *k, struct session *s)
{
	struct line *line = line_of(k, s);

	if (s->stage == OPENING)
		line->down = line->ready == 0;
	if (s->stage == READY && deadline_left(s->since + PROVEN_MS) == 0)
		line->backoff = BACKOFF_MIN_MS;
	if (s->stage != DRAINING)
		back_off(line);
	leave_stage(k, s);
	forget(s);
}

static void
on_plain(struct stone_sessions *k, struct session *s)
{
	struct line *line = line_of(k, s);

	log_event(
	    LOG_NOTICE, "not-shared", "retry_ms", LOG_U64(PLAIN_MS), NULL);
	line->plain = deadline_in(PLAIN_MS);
	leave_stage(k, s);
}

/* ---- connections that come back ---- */

static void
keep(
    struct stone_sessions *k, const struct session *s, int sock, unsigned tries)
{
	struct orphan *o = s->forward != NO_FORWARD ? calloc(1, sizeof(*o))
						    : NULL;

	if (o == NULL) {
		stone_session_reset(sock);
		return;
	}
	o->forward = s->forward;
	o->from = s->pid;
	o->sock = sock;
	o->tries = tries;
	STAILQ_INSERT_TAIL(&k->orphans, o, entry);
}

static struct session *
other_session(struct stone_sessions *k, const struct orphan *o)
{
	struct session *s, *same = NULL;

	LIST_FOREACH(s, &k->all, entry)
	{
		if (s->stage != READY || s->forward != o->forward)
			continue;
		if (s->pid != o->from)
			return s;
		same = s;
	}
	return same;
}

/* Returns 1: it is somebody's. */
static int
give_away(struct stone_sessions *k, struct forker *f, struct forwards *set,
    const struct orphan *o,
    void (*alone)(struct forker *f, size_t index, int sock))
{
	const struct handover h = {
	    HANDOVER_CONNECTION, (unsigned char)o->tries};
	struct session *s = o->tries < TRIES_MAX ? other_session(k, o) : NULL;

	if (s != NULL && handover_send(s->control, &h, o->sock) == 0) {
		close(o->sock);
		return 1;
	}
	if (o->tries >= TRIES_MAX || f->draining ||
	    stone_sessions_absent(k, set, o->forward)) {
		alone(f, o->forward, o->sock);
		return 1;
	}
	return 0;
}

static void
place_orphans(struct stone_sessions *k, struct forker *f, struct forwards *set,
    void (*alone)(struct forker *f, size_t index, int sock))
{
	STAILQ_HEAD(, orphan) left = STAILQ_HEAD_INITIALIZER(left);
	struct orphan *o;

	while ((o = STAILQ_FIRST(&k->orphans)) != NULL) {
		STAILQ_REMOVE_HEAD(&k->orphans, entry);
		if (give_away(k, f, set, o, alone))
			free(o);
		else
			STAILQ_INSERT_TAIL(&left, o, entry);
	}
	STAILQ_CONCAT(&k->orphans, &left);
}

/* ---- opening ---- */

/* In the child: all that is the keeper's, and the other listeners, go. */
static void
become_session(struct stone_sessions *k, struct forker *f, struct forwards *set,
    size_t index, int control)
{
	fd_close(&f->signals);
	stone_sessions_free(k);
	for (size_t i = 0; i < set->conf.nforwards; i++)
		if (i != index)
			fd_close(&set->list[i].listener);
	_exit(stone_mux_run(&set->list[index], &set->proxy, control));
}

static int
watch(struct stone_sessions *k, struct session *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

	return epoll_ctl(k->epoll, EPOLL_CTL_ADD, s->control, &event);
}

/* Returns 0, or -1 with errno. */
static int
open_one(struct stone_sessions *k, struct forker *f, struct forwards *set,
    size_t index)
{
	struct session *s = calloc(1, sizeof(*s));
	int pair[2];

	if (s == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1) {
		free(s);
		return -1;
	}
	*s = (struct session){
	    .stage = OPENING, .forward = index, .control = pair[0]};
	LIST_INSERT_HEAD(&k->all, s, entry);
	k->lines[index].opening++;
	s->pid = watch(k, s) == 0 ? fork() : -1;
	if (s->pid == 0)
		become_session(k, f, set, index, pair[1]);
	fd_close(&pair[1]);
	if (s->pid != -1 && children_add(f->children, s->pid) == 0)
		return 0;
	leave_stage(k, s);
	forget(s);
	return -1;
}

/* The first one tells whether the agent knows of it; then the others come. */
static size_t
wanted(const struct line *line, unsigned sessions)
{
	size_t have = line->ready + line->opening;

	if (is_plain(line) || deadline_left(line->due) > 0)
		return 0;
	if (line->ready == 0)
		return sessions > 0 && line->opening == 0;
	return have < sessions ? sessions - have : 0;
}

static void
open_due(struct stone_sessions *k, struct forker *f, struct forwards *set,
    size_t index)
{
	struct line *line = &k->lines[index];
	size_t n = wanted(line, set->conf.forwards[index].sessions);

	for (; n > 0; n--) {
		if (open_one(k, f, set, index) == 0)
			continue;
		f->calls->log_pause(f, "fork");
		back_off(line);
		return;
	}
}

/* When something of the line changes by itself. */
static int64_t
next_change(const struct line *line)
{
	int64_t until = DEADLINE_NONE;

	if (is_plain(line))
		return line->plain;
	if (deadline_left(line->due) > 0)
		until = line->due;
	if (line->ready == 0 && deadline_left(line->unready + WAIT_MS) > 0)
		until = deadline_first(until, line->unready + WAIT_MS);
	return until;
}

int64_t
stone_sessions_tend(struct stone_sessions *k, struct forker *f,
    struct forwards *set, int *fd,
    void (*alone)(struct forker *f, size_t index, int sock))
{
	int64_t until = DEADLINE_NONE;

	*fd = k->epoll;
	place_orphans(k, f, set, alone);
	if (f->draining)
		return until;
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		if (set->conf.forwards[i].sessions == 0)
			continue;
		open_due(k, f, set, i);
		until = deadline_first(until, next_change(&k->lines[i]));
	}
	return until;
}

/* ---- news ---- */

static void
on_news(struct stone_sessions *k, struct session *s)
{
	struct handover h;
	int sock, rc;

	while ((rc = handover_receive(s->control, &h, &sock)) == 1) {
		if (h.what == HANDOVER_READY)
			become_ready(k, s);
		else if (h.what == HANDOVER_FULL)
			leave_stage(k, s);
		else if (h.what == HANDOVER_PLAIN)
			on_plain(k, s);
		else if (h.what == HANDOVER_CONNECTION)
			keep(k, s, sock, h.tries);
	}
	if (rc == 0 || errno != EAGAIN)
		on_end(k, s);
}

void
stone_sessions_serve(struct stone_sessions *k)
{
	struct epoll_event events[64];
	int n = epoll_wait(k->epoll, events, 64, 0);

	for (int i = 0; i < n; i++)
		on_news(k, events[i].data.ptr);
}

/* ---- ending them ---- */

/* One that is not ready has nothing to lose. */
static void
stop_session(struct stone_sessions *k, struct session *s)
{
	const struct handover h = {HANDOVER_STOP, 0};

	handover_send(s->control, &h, -1);
	if (s->stage == OPENING)
		kill(s->pid, SIGTERM);
	leave_stage(k, s);
}

void
stone_sessions_drain(struct stone_sessions *k)
{
	struct session *s;

	LIST_FOREACH(s, &k->all, entry)
	stop_session(k, s);
}

/* Where in set the forward of old with this index goes on. */
static size_t
same_place(const struct forwards *old, const struct forwards *set, size_t index)
{
	for (size_t i = 0; index != NO_FORWARD && i < set->conf.nforwards; i++)
		if (stone_place_same(&old->conf.forwards[index].listen,
			&set->conf.forwards[i].listen))
			return i;
	return NO_FORWARD;
}

void
stone_sessions_renew(struct stone_sessions *k, const struct forwards *old,
    const struct forwards *set)
{
	struct session *s;
	struct orphan *o, *next;

	stone_sessions_drain(k);
	LIST_FOREACH(s, &k->all, entry)
	s->forward = same_place(old, set, s->forward);
	for (o = STAILQ_FIRST(&k->orphans); o != NULL; o = next) {
		next = STAILQ_NEXT(o, entry);
		o->forward = same_place(old, set, o->forward);
		if (o->forward != NO_FORWARD)
			continue;
		STAILQ_REMOVE(&k->orphans, o, orphan, entry);
		stone_session_reset(o->sock);
		free(o);
	}
	reset_lines(k);
}
