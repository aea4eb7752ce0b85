/*
 * An agent between two handlers. PARKING: its TLS is ended, in both directions,
 * and its connection given to the broker, which keeps it without a process.
 * WAKING: the broker has had a handler made for it again; that tells the agent
 * so, and the agent begins anew. See state.h and ipc/parked_signs.h.
 */
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/revocation.h"
#include "connection/broker_orders.h"
#include "connection/state.h"
#include "ipc/parked_signs.h"

#include <errno.h>
#include <openssl/x509.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define PARK_MS   10000 /* for the agent to end its TLS, in all */
#define BUSY_MS   5000  /* for the broker to take the connection */
#define AGAIN_MS  20    /* between two tries, and as much again at random */
#define SIGNS_MAX 64    /* that an agent may have sent before it is woken */

static enum state
lose(struct handler *h, const char *state)
{
	log_event(LOG_INFO, "left", "id", LOG_ID(handler_id(h)), "role",
	    "agent", "peer", h->peer, "identity", h->identity, "state", state,
	    NULL);
	channel_abort(&h->tls.channel);
	return ENDED;
}

/* ---- PARKING ---- */

/* Waits for the agent. Returns 0, or -1 where it cannot be parked any more. */
static int
wait_for(struct handler *h, short events, int64_t deadline)
{
	static struct wire_packet packet;
	struct pollfd pfd[3] = {
	    {.fd = h->tls.channel.fd, .events = events},
	    {.fd = h->registration.fd, .events = POLLIN},
	    {.fd = h->signals, .events = POLLIN},
	};

	/* what comes with TLS not quite ended is an end, too */
	if (poll(pfd, 3, deadline_left(deadline)) == 0 || pfd[2].revents != 0)
		return -1;
	while (registration_receive(&h->registration, &packet))
		if (broker_orders_obey(h, &packet))
			return -1;
	return h->registration.fd == -1 ? -1 : 0;
}

/* Ends our direction. Returns 0 or -1. */
static int
say_end(struct handler *h, int64_t deadline)
{
	struct channel *ch = &h->tls.channel;

	while (channel_finish(ch) == -1)
		if (errno != EAGAIN ||
		    wait_for(h, ch->write_wants, deadline) == -1)
			return -1;
	return 0;
}

/* Until the agent's direction has ended too: nothing but empty lines may come.
 */
static int
hear_end(struct handler *h, int64_t deadline)
{
	struct channel *ch = &h->tls.channel;
	char buf[256];
	ssize_t n;

	h->tls.drop_blank = 1;
	while ((n = channel_read(ch, buf, sizeof(buf))) != 0)
		if (n > 0 || errno != EAGAIN ||
		    wait_for(h, ch->read_wants, deadline) == -1)
			return -1;
	return 0;
}

/* By what the broker can tell that the agent has to go. */
static void
describe(const struct handler *h, struct message_parked *m)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(h->tls.ssl);

	m->not_after = (uint64_t)h->not_after;
	for (int i = 0; i < sk_X509_num(chain) && i < PARK_CHAIN_MAX; i++) {
		const X509 *x = sk_X509_value(chain, i);

		m->chain[i] = revocation_key(
		    X509_get_issuer_name(x), X509_get0_serialNumber(x));
	}
}

/*
 * Where many handlers do so at once the broker's socket is full, or too many
 * descriptors are on their way (ETOOMANYREFS, unix(7)): the limit for that is
 * the sender's, and a handler's is low. Returns 0, or -1.
 */
static int
give_away(struct handler *h, const struct message *m)
{
	const int64_t deadline = deadline_in(BUSY_MS);

	while (wire_send(h->registration.fd, m, &h->tls.channel.fd) == -1) {
		if ((errno != EAGAIN && errno != ETOOMANYREFS) ||
		    deadline_left(deadline) == 0)
			return -1;
		poll(NULL, 0, AGAIN_MS + (int)deadline_jitter(AGAIN_MS));
	}
	return 0;
}

enum state
run_parking(struct handler *h)
{
	const int64_t deadline = deadline_in(PARK_MS);
	struct message m = {.type = MESSAGE_PARKED};

	if (say_end(h, deadline) == -1 || hear_end(h, deadline) == -1)
		return lose(h, "parking");
	describe(h, &m.u.parked);
	if (give_away(h, &m) == -1)
		return lose(h, "parking");
	log_event(LOG_INFO, "parked", "id", LOG_ID(handler_id(h)), "peer",
	    h->peer, "identity", h->identity, NULL);
	/* it is another's, who may have set it up already: it is only closed */
	fd_close(&h->tls.channel.fd);
	h->in_order = 1;
	return ENDED;
}

/* ---- WAKING ---- */

/* Returns 1 where something has come, 0 at the deadline or the end. */
static int
has_come(int sock, int64_t deadline)
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};

	return poll(&pfd, 1, deadline_left(deadline)) == 1;
}

/*
 * Takes the signs of life that the agent sent before it heard that it is woken,
 * and not a byte of what follows. The first may have been read in part. Returns
 * 1 where something else is next, else 0.
 */
static int
pass_signs(int sock, size_t cut, int64_t deadline)
{
	char buf[PARKED_SIGN_SIZE];

	for (int signs = 0; signs < SIGNS_MAX && has_come(sock, deadline);) {
		const size_t left = PARKED_SIGN_SIZE - cut;
		ssize_t n;

		if (cut == 0 && recv(sock, buf, 1, MSG_PEEK) == 1 &&
		    *buf != PARKED_SIGN[0])
			return 1;
		n = recv(sock, buf, left, 0);
		if (n <= 0 || memcmp(buf, &PARKED_SIGN[cut], (size_t)n) != 0)
			return 0;
		signs += (size_t)n == left;
		cut = (size_t)n == left ? 0 : cut + (size_t)n;
	}
	return 0;
}

enum state
run_waking(struct handler *h)
{
	const int sock = h->tls.channel.fd;
	const int64_t deadline = deadline_in(
	    (int64_t)h->conf->tls_timeout * 1000);

	memcpy(h->peer, h->woken->peer, sizeof(h->peer));
	h->registration.self.id = h->woken->id;
	if (send(sock, PARKED_WAKE, PARKED_WAKE_SIZE, MSG_NOSIGNAL) ==
		PARKED_WAKE_SIZE &&
	    pass_signs(sock, h->woken->cut, deadline))
		return HANDSHAKE;
	h->role = ROLE_AGENT;
	return lose(h, "waking");
}
