/*
 * A session of which one direction, at least, has left the relay's TLS. See
 * state.h and channel/hop.h. Each direction is at one of these, and goes on
 * without waiting for the other:
 *
 *	what our client sends             what it gets
 *	IN_TLS    through us              OUT_TLS    through us
 *	   its close_notify; BARE sent      BARE has come, the ring is empty
 *	IN_ASKED  waits for the socket    OUT_GIVEN  the other handler writes
 *	   SOCKET has come                   END has come
 *	IN_BARE   socket to socket        OUT_ENDED
 *	   its FIN is passed on; END sent
 *	IN_ENDED
 *
 * Sockets are reset as they are closed, but after both ends: so whatever goes
 * wrong, and if it is a handler's death, is an error to both clients.
 */
#include "base/deadline.h"
#include "base/log.h"
#include "channel/tcp.h"
#include "connection/broker_orders.h"
#include "connection/state.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>

#define GIVE_AGAIN_MS 2

enum inward { IN_TLS, IN_ASKED, IN_BARE, IN_ENDED };
enum outward { OUT_TLS, OUT_GIVEN, OUT_ENDED };

struct bare {
	struct handler *h;
	enum inward in;
	enum outward out;
	int hung_up;     /* both directions of our socket are shut */
	int64_t give_at; /* when to try again to give our socket away */
	int64_t review_at;
};

/* What a step found; the session goes on with SPLICE_AT_END. */
#define GOES_ON SPLICE_AT_END

/* ---- what our client sends ---- */

static enum splice_result
through_tls(struct handler *h, struct flow *f)
{
	struct channel *broke = flow_move(f);

	if (broke == NULL)
		return GOES_ON;
	return broke == &h->other.channel ? SPLICE_B_BROKE : SPLICE_A_BROKE;
}

static void
start_pump(struct bare *b)
{
	struct handler *h = b->h;

	pump_init(&h->pump, h->tls.channel.fd, h->hop.socket, h->splice.ab.buf);
	h->session_tls = SESSION_SEALED | SESSION_BARE;
	b->in = IN_BARE;
	log_event(LOG_INFO, "bare", "id", LOG_ID(handler_id(h)), "role",
	    handler_role(h), "peer", h->peer, NULL);
}

/*
 * A reset of our socket is told once, and may have been told to the other
 * handler, as it wrote there: we read an end then. Only if that handler has
 * ended its direction it is one for sure; else that, or its own end, will come.
 */
static int
may_be_reset(const struct bare *b)
{
	return !b->h->hop.ended && tcp_is_closed(b->h->tls.channel.fd);
}

static enum splice_result
run_pump(struct bare *b)
{
	struct handler *h = b->h;

	switch (pump_move(&h->pump)) {
	case PUMP_FROM_BROKE:
		return SPLICE_A_BROKE;
	case PUMP_TO_BROKE:
		return SPLICE_B_BROKE;
	case PUMP_MOVES:
		break;
	}
	if (!h->pump.ended || may_be_reset(b))
		return GOES_ON;
	b->in = IN_ENDED;
	if (pump_finish(&h->pump) == -1 ||
	    hop_send(&h->hop, HOP_END, NULL, 0) == -1)
		return SPLICE_B_BROKE;
	return GOES_ON;
}

static enum splice_result
step_in(struct bare *b)
{
	struct handler *h = b->h;
	enum splice_result rc = GOES_ON;

	if (b->in == IN_TLS) {
		rc = through_tls(h, &h->splice.ab);
		if (rc == GOES_ON && h->splice.ab.finished)
			b->in = IN_ASKED;
	}
	if (b->in == IN_ASKED && h->hop.socket != -1)
		start_pump(b);
	if (b->in == IN_BARE)
		rc = run_pump(b);
	return rc;
}

/* ---- what it gets ---- */

/*
 * So many descriptors of one user may be on their way at a time as this process
 * may have (unix(7), ETOOMANYREFS). Nor may we sleep over that: what is on its
 * way to us counts too.
 */
static enum splice_result
give(struct bare *b)
{
	struct handler *h = b->h;

	b->give_at = DEADLINE_NONE;
	if (hop_give(&h->hop, h->tls.channel.fd) == 0)
		b->out = OUT_GIVEN;
	else if (errno == ETOOMANYREFS)
		b->give_at = deadline_in(GIVE_AGAIN_MS);
	else
		return SPLICE_B_BROKE;
	return GOES_ON;
}

static enum splice_result
step_out(struct bare *b)
{
	struct handler *h = b->h;
	enum splice_result rc = GOES_ON;

	if (b->out == OUT_TLS) {
		rc = through_tls(h, &h->splice.ba);
		if (rc != GOES_ON || !h->splice.ba.finished)
			return rc;
		rc = give(b);
	}
	if (b->out == OUT_GIVEN && h->hop.ended)
		b->out = OUT_ENDED;
	return rc;
}

/* ---- both ---- */

/* Lets go of what no direction needs any more. */
static void
forget(struct bare *b)
{
	struct handler *h = b->h;

	if (b->out == OUT_TLS)
		return;
	if (b->in >= IN_ASKED && h->tls.ssl != NULL) {
		channel_tls_forget(&h->tls);
		malloc_trim(0);
	}
	if (b->in >= IN_BARE)
		hop_forget_rings(&h->hop);
}

static enum splice_result
step(struct bare *b)
{
	int gone = hop_listen(&b->h->hop) == -1;
	enum splice_result rc = step_in(b);

	if (rc == GOES_ON)
		rc = step_out(b);
	if (rc != GOES_ON)
		return rc;
	if (b->in == IN_ENDED && b->out == OUT_ENDED)
		return SPLICE_DONE;
	forget(b);
	return gone ? SPLICE_B_BROKE : GOES_ON;
}

/* ---- waiting ---- */

static int
uses_rings(const struct bare *b)
{
	return b->in == IN_TLS || b->out == OUT_TLS;
}

static int
pump_is_held_up(const struct bare *b)
{
	return b->in == IN_BARE && b->h->pump.held > 0 && !b->h->pump.writable;
}

/*
 * What to poll our socket for; at its errors we look in any case. Nothing at
 * all once it is shut both ways and not to be read: poll would spin.
 */
static struct pollfd
own_interest(const struct bare *b)
{
	const struct handler *h = b->h;
	const struct flow *ab = &h->splice.ab, *ba = &h->splice.ba;
	struct pollfd pfd = {.fd = h->tls.channel.fd};

	if (b->in == IN_TLS && flow_wants_read(ab))
		pfd.events |= ab->from->read_wants;
	if (b->in == IN_BARE && h->pump.held == 0 && !h->pump.readable &&
	    !h->pump.ended)
		pfd.events |= POLLIN;
	if (b->out == OUT_TLS && flow_wants_write(ba))
		pfd.events |= ba->to->write_wants;
	if (pfd.events == 0 && b->hung_up)
		pfd.fd = -1;
	return pfd;
}

/* TLS may wait for output to read, so any event makes both worth a try. */
static void
note_own(struct bare *b, short revents)
{
	struct handler *h = b->h;

	if (revents == 0)
		return;
	h->splice.ab.readable = h->splice.ba.writable = 1;
	h->pump.readable |= !h->pump.ended &&
			    (revents & (POLLIN | POLLHUP)) != 0;
	b->hung_up |= (revents & POLLHUP) != 0;
}

/* Whether events tell of a reset, which nobody may be about to read. */
static int
is_reset(const struct bare *b, short revents)
{
	return (revents & POLLERR) != 0 ||
	       (b->out == OUT_TLS && (revents & POLLHUP) != 0);
}

static void
note_hop(struct bare *b)
{
	struct splice *s = &b->h->splice;

	if (uses_rings(b) && hop_before_wait(&b->h->hop))
		s->ab.writable = s->ba.readable = 1;
}

/* A peer that takes nothing, as in splice.c. */
static void
review(struct bare *b)
{
	const struct handler *h = b->h;
	int held_up = pump_is_held_up(b) ||
		      (b->out == OUT_TLS && !h->splice.ba.writable);

	if (b->review_at == DEADLINE_NONE && held_up)
		b->review_at = deadline_in(TCP_REVIEW_MS);
	if (b->review_at == DEADLINE_NONE || deadline_left(b->review_at) > 0)
		return;
	if (b->in == IN_BARE)
		held_up |= tcp_review(h->pump.to);
	if (b->out == OUT_TLS)
		held_up |= tcp_review(h->tls.channel.fd);
	b->review_at = held_up ? deadline_in(TCP_REVIEW_MS) : DEADLINE_NONE;
}

static int
can_step(const struct bare *b)
{
	const struct handler *h = b->h;

	if (b->in == IN_TLS && flow_can_move(&h->splice.ab))
		return 1;
	if (b->out == OUT_TLS && flow_can_move(&h->splice.ba))
		return 1;
	return b->in == IN_BARE &&
	       (h->pump.held > 0 ? h->pump.writable : h->pump.readable);
}

static int
timeout_of(const struct bare *b, const struct splice_control *control)
{
	int64_t due = deadline_first(b->review_at, b->give_at);

	if (can_step(b))
		return 0;
	if (b->in == IN_BARE)
		due = deadline_first(due, b->h->pump.rest_at);
	return splice_earlier(
	    control->timeout(control->arg), deadline_left(due));
}

static enum splice_result
await(struct bare *b, const struct splice_control *control)
{
	struct handler *h = b->h;
	struct pollfd pfd[4] = {
	    own_interest(b),
	    {.fd = h->hop.fd, .events = POLLIN},
	    {.fd = pump_is_held_up(b) ? h->pump.to : -1, .events = POLLOUT},
	    {.fd = control->fd(control->arg), .events = POLLIN},
	};

	review(b);
	note_hop(b);
	if (poll(pfd, 4, timeout_of(b, control)) == -1 && errno != EINTR)
		return SPLICE_A_BROKE;
	if (is_reset(b, pfd[0].revents))
		return SPLICE_A_BROKE;
	note_own(b, pfd[0].revents);
	if (pfd[1].revents != 0)
		h->splice.ab.writable = h->splice.ba.readable = 1;
	if (pfd[2].revents != 0)
		h->pump.writable = 1;
	if (b->in == IN_BARE)
		pump_rest(&h->pump);
	if ((pfd[3].revents != 0 || control->timeout(control->arg) == 0) &&
	    control->serve(control->arg))
		return SPLICE_STOPPED;
	return GOES_ON;
}

/* ---- BARE ---- */

enum state
run_bare(struct handler *h)
{
	const struct splice_control control = broker_orders_control(h);
	struct bare b = {
	    .h = h, .give_at = DEADLINE_NONE, .review_at = DEADLINE_NONE};
	enum splice_result rc = step(&b);

	while (rc == GOES_ON) {
		rc = await(&b, &control);
		if (rc == GOES_ON)
			rc = step(&b);
	}
	if (b.in >= IN_BARE)
		pump_close(&h->pump);
	if (rc == SPLICE_DONE)
		tcp_reset_on_close(h->hop.socket, 0);
	return splicing_end(h, rc);
}
