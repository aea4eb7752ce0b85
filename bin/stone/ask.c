/* Relays are asked for a session: see ask.h. */
#include "stone/ask.h"
#include "base/deadline.h"
#include "base/log.h"
#include "stone/relay.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>

enum asked_state {
	UNASKED,
	LATE,  /* not reached in time: once more, where no other one helps */
	ASKED, /* its answer is awaited */
	OVER,
};

/* One relay, and what was said to it. */
struct asked {
	enum asked_state state;
	int64_t answer_by;
	struct relay_channel relay;
	struct stone_offer offer;
};

struct race {
	struct forward *forward;
	const struct proxy *proxy;
	const char *request;
	size_t len;
	int client; /* -1: nobody to look at */
	const char *peer;
	size_t n, pending;
	int64_t next;         /* when another one has its turn */
	struct asked *answer; /* the last word: others are asked no more */
	struct asked all[RELAYS_MAX]; /* n: one for each relay */
};

static struct asked *
first_in(struct race *r, enum asked_state state)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].state == state)
			return &r->all[i];
	return NULL;
}

/* ---- one relay ---- */

/* Who is spoken of in the log. */
static void
turn_to(struct race *r, const struct asked *a)
{
	r->forward->relay = &r->forward->conf->relays.list[a - r->all];
}

static void
drop(struct race *r, struct asked *a)
{
	if (r->forward->seal.mode != SEAL_OFF)
		channel_sealed_drop(&a->relay.sealed);
	channel_abort(&a->relay.channel);
	a->state = OVER;
}

/* Of no use: another one has its turn at once. */
static void
fail(struct race *r, struct asked *a)
{
	drop(r, a);
	r->pending--;
	r->next = 0;
	ERR_clear_error();
}

static void
begin(struct race *r, struct asked *a)
{
	const int again = a->state == LATE || r->n == 1;
	const int64_t by = again ? DEADLINE_NONE
				 : deadline_in(STONE_ASK_PATIENCE_MS);
	struct failure f;

	turn_to(r, a);
	if (stone_relay_open(&a->relay, r->forward, r->proxy, by, &f) == -1) {
		ERR_clear_error();
		a->state = !again && deadline_left(by) == 0 ? LATE : OVER;
		stone_relay_unreachable(r->forward, f.text, r->peer);
		return;
	}
	r->pending++;
	if (stone_seal_send(&a->offer, &a->relay, r->forward, r->request,
		r->len, &f) == -1) {
		stone_relay_unreachable(r->forward, f.text, r->peer);
		fail(r, a);
		return;
	}
	a->state = ASKED;
	a->answer_by = deadline_in(STONE_ANSWER_MS);
	r->next = deadline_in(STONE_ASK_PATIENCE_MS);
}

/* Whether that is a relay's word that it has no agent, or cannot look. */
static int
has_none(const struct relay_channel *relay)
{
	return relay->state == ANSWER_REFUSED && relay->response.explained &&
	       relay->response.status == 503;
}

/* Whether any but a could help yet. */
static int
others_left(struct race *r)
{
	return r->pending > 1 || first_in(r, UNASKED) != NULL ||
	       first_in(r, LATE) != NULL;
}

/* Returns 1 where it has answered well. */
static int
hear(struct race *r, struct asked *a)
{
	const int rc = relay_channel_hear(&a->relay);

	if (rc == 0 && a->relay.state == ANSWER_GOOD)
		return 1;
	if (rc == -1 && errno == EAGAIN && deadline_left(a->answer_by) > 0)
		return 0;
	turn_to(r, a);
	stone_relay_unanswered(
	    &a->relay, r->forward, rc == -1 && errno == EAGAIN, r->peer);
	if (a->relay.state != ANSWER_REFUSED || r->answer != NULL ||
	    (has_none(&a->relay) && others_left(r))) {
		fail(r, a);
		return 0;
	}
	r->answer = a;
	a->state = OVER;
	r->pending--;
	return 0;
}

/* ---- all of them ---- */

/* Whose turn it is; NULL: nobody is left. */
static struct asked *
next_one(struct race *r)
{
	struct asked *a = NULL;

	if (r->answer == NULL)
		a = first_in(r, UNASKED);
	if (a == NULL && r->answer == NULL && r->pending == 0)
		a = first_in(r, LATE);
	return a;
}

/* Returns who has answered well, or NULL. */
static struct asked *
hear_all(struct race *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].state == ASKED && hear(r, &r->all[i]))
			return &r->all[i];
	return NULL;
}

/* Waits for what may come next. Returns 0, or -1: the client is gone. */
static int
await(struct race *r)
{
	struct pollfd pfd[RELAYS_MAX + 1] = {{.fd = r->client}};
	int64_t until = next_one(r) != NULL ? r->next : DEADLINE_NONE;
	nfds_t n = 1;

	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].state == ASKED) {
			pfd[n++] = (struct pollfd){
			    .fd = r->all[i].relay.channel.fd,
			    .events = r->all[i].relay.channel.read_wants};
			until = deadline_first(until, r->all[i].answer_by);
		}
	if (poll(pfd, n, deadline_left(until)) <= 0 || pfd[0].revents == 0)
		return 0;
	r->client = -1; /* it says so once: one that has closed may be served */
	if ((pfd[0].revents & POLLERR) == 0)
		return 0;
	log_event(LOG_INFO, "session", "in", "0", "out", "0", "reason",
	    "client-error", "peer", r->peer, NULL);
	return -1;
}

/* Returns who has answered well, or NULL. */
static struct asked *
run(struct race *r)
{
	for (;;) {
		struct asked *a = hear_all(r);

		if (a != NULL)
			return a;
		a = next_one(r);
		if (a == NULL && r->pending == 0)
			return NULL;
		if (a != NULL && deadline_left(r->next) == 0)
			begin(r, a);
		else if (await(r) == -1)
			return NULL;
	}
}

/* The others; what had the last word stays, where there is no better. */
static void
drop_others(struct race *r, const struct asked *chosen)
{
	if (r->answer != NULL && r->answer != chosen)
		drop(r, r->answer);
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].state == ASKED && &r->all[i] != chosen)
			drop(r, &r->all[i]);
}

/* The one relay, which is not asked yet. */
static enum stone_seal_result
reach(struct race *r)
{
	struct failure f;

	if (stone_relay_open(
		&r->all->relay, r->forward, r->proxy, DEADLINE_NONE, &f) == 0)
		return STONE_UNASKED;
	stone_relay_unreachable(r->forward, f.text, r->peer);
	return STONE_FAILED;
}

enum stone_seal_result
stone_ask(struct relay_channel **relay, struct forward *forward,
    const struct proxy *proxy, const char *request, size_t len, int client,
    const char *peer)
{
	static struct race r; /* large, and relay leads into it */
	enum stone_seal_result result = STONE_FAILED;
	struct asked *chosen = r.all;

	r.forward = forward;
	r.proxy = proxy;
	r.request = request;
	r.len = len;
	r.client = client;
	r.peer = peer;
	r.n = forward->conf->relays.n;
	r.pending = 0;
	r.next = 0;
	r.answer = NULL;
	for (size_t i = 0; i < r.n; i++)
		r.all[i].state = UNASKED;
	if (r.n == 1 && forward->seal.mode == SEAL_OFF) {
		result = reach(&r);
		*relay = result == STONE_FAILED ? NULL : &chosen->relay;
	} else {
		chosen = run(&r);
		drop_others(&r, chosen != NULL ? chosen : r.answer);
		if (chosen == NULL)
			chosen = r.answer;
		*relay = chosen != NULL ? &chosen->relay : NULL;
	}
	if (*relay == NULL)
		return STONE_FAILED;
	stone_relay_forget_keys(*relay, forward);
	turn_to(&r, chosen);
	if (result == STONE_UNASKED)
		return result;
	if ((*relay)->state != ANSWER_GOOD) {
		if (forward->seal.mode != SEAL_OFF)
			channel_sealed_drop(&(*relay)->sealed);
		return STONE_FAILED;
	}
	return stone_seal_judge(&chosen->offer, *relay, forward, peer);
}
