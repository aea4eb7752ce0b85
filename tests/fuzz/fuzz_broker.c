/*
 * What the broker does with any packet from a handler, a spawner or an
 * administrator, and with any bytes of a parked agent (broker/registrar.c,
 * parking.c, waking.c, admin.c, evict.c, reload.c, sweep.c): a few connections
 * send packets in any order, and die. The invariants are those of
 * tests/model/pairing.pml, and bear its names.
 */
#define _GNU_SOURCE
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "fuzz.h"
#include "state.h"
#include "sweep.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define CONNS     6
#define DER_BYTES 15
#define PROOF_MAX 8

static struct {
	struct conn *conn;
	int fd;    /* the handler's end */
	int agent; /* a parked agent's */
	uint32_t in_session;
	unsigned char der; /* whose certificate it is */
} handlers[CONNS];

static struct {
	uint32_t id;
	unsigned char der;
} matched[256];
static size_t nmatched;

/* A relay.conf, which stays open. */
static const char *
conf_path(void)
{
	static char conf[64];

	if (conf[0] == '\0') {
		static const char text[] =
		    "certificate = c\nkey = k\nca = a\npeer_certificate = p\n"
		    "peer_key = k\npeer_ca = a\npeer = n 192.0.2.1:1\n";
		char name[] = "/tmp/fuzz-broker.XXXXXX";
		int fd = mkstemp(name);

		MUST(fd != -1 && write(fd, text, sizeof(text) - 1) ==
				     (ssize_t)sizeof(text) - 1);
		unlink(name);
		snprintf(conf, sizeof(conf), "/proc/self/fd/%d", fd);
	}
	return conf;
}

static struct broker *
start(const char *conf)
{
	struct broker *b = calloc(1, sizeof(*b));
	struct failure f = {.text = ""};

	log_set_level(LOG_EMERG);
	MUST(b != NULL);
	b->conf_path = conf;
	b->totals.files_max = 1024;
	MUST(parking_init(&b->parking) == 0);
	b->trust = -1;
	TAILQ_INIT(&b->presence.asked);
	TAILQ_INIT(&b->presence.admits);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	MUST(filewatch_open(&b->crl) == 0);
	b->accounts = accounts_new();
	b->certificates = certificate_set_new();
	b->pairing = pairing_new();
	b->sessions = sessions_new();
	b->recent = recent_new();
	MUST(reload_files(b, &f) == 0);
	return b;
}

static void
connect_one(struct broker *b, size_t i)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct conn *c = calloc(1, sizeof(*c));
	int pair[2];

	MUST(c != NULL &&
	     socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		 0, pair) == 0);
	c->fd = pair[0];
	ev.data.ptr = &c->source;
	MUST(epoll_ctl(b->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0);
	LIST_INSERT_HEAD(&b->conns, c, link);
	handlers[i].conn = c;
	handlers[i].fd = pair[1];
	handlers[i].in_session = 0;
	handlers[i].der = 0;
}

/* Sees that a match is one. */
static void
on_matched(size_t i, const struct wire_packet *packet)
{
	uint32_t id = packet->message.u.matched.session;
	int poll_matched_twice = handlers[i].in_session != 0;
	int two_identities_joined;

	for (size_t k = 0; k < WIRE_FDS; k++)
		MUST(packet->fds[k] != -1);
	MUST(!poll_matched_twice);
	handlers[i].in_session = id;
	for (size_t k = 0; k < nmatched; k++) {
		if (matched[k].id != id)
			continue;
		two_identities_joined = matched[k].der != handlers[i].der;
		MUST(!two_identities_joined);
		return;
	}
	if (nmatched < sizeof(matched) / sizeof(*matched)) {
		matched[nmatched].id = id;
		matched[nmatched++].der = handlers[i].der;
	}
}

/* Reads what the broker says to all. */
static void
listen_to(struct broker *b)
{
	static struct wire_packet packet;

	for (size_t i = 0; i < CONNS; i++) {
		while (handlers[i].fd != -1 &&
		       wire_receive(handlers[i].fd, &packet) == 1) {
			if (packet.message.type == MESSAGE_MATCHED)
				on_matched(i, &packet);
			wire_close_fds(&packet);
		}
		if (handlers[i].conn != NULL && handlers[i].conn->dropped) {
			handlers[i].conn = NULL;
			fd_close(&handlers[i].fd);
			fd_close(&handlers[i].agent);
		}
	}
	conn_free_dropped(b);
}

/* What serve and dispatch of broker.c do */
static void
serve(struct broker *b, struct conn *c)
{
	static struct wire_packet packet;
	int rc;

	if (c->parked != NULL) {
		c->source.ready(b, &c->source, EPOLLIN);
		return;
	}
	rc = wire_receive(c->fd, &packet);

	if (rc == -1 && errno == EAGAIN)
		return;
	if (rc == 1) {
		if (packet.message.type == MESSAGE_PARKED)
			rc = parking_take(b, c, &packet);
		wire_close_fds(&packet);
		if (packet.message.type == MESSAGE_PARKED)
			;
		else if (packet.message.type == MESSAGE_ADMIN ||
			 packet.message.type == MESSAGE_ADMIN_FOR)
			rc = admin_take(b, c, &packet.message);
		else
			rc = registrar_take(b, c, &packet.message);
		rc = rc == 0 ? 1 : -1;
	}
	if (rc != 1)
		conn_drop(b, c);
}

/* Where parked agents connect to; it stays open. Sets *at to its address. */
static int
agents_listener(struct sockaddr_in *at)
{
	static int listener = -1;
	socklen_t len = sizeof(*at);

	*at = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (listener == -1) {
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		MUST(bind(listener, (struct sockaddr *)at, len) == 0 &&
		     listen(listener, 8) == 0);
	}
	MUST(getsockname(listener, (struct sockaddr *)at, &len) == 0);
	return listener;
}

/* A connection of TCP: one end is returned, the other agent's. */
static int
connect_agent(size_t i)
{
	struct sockaddr_in at;
	const int listener = agents_listener(&at);

	fd_close(&handlers[i].agent);
	handlers[i].agent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(connect(handlers[i].agent, (struct sockaddr *)&at, sizeof(at)) ==
	     0);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* Signs of life, or any bytes. */
static void
say_parked(size_t i, struct fuzz_input *in)
{
	uint8_t bytes[64] = PARKED_SIGN PARKED_SIGN PARKED_SIGN;
	unsigned how = fuzz_byte(in);
	size_t len = how % 18;

	if ((how & 0xe0) == 0xe0)
		len = fuzz_bytes(in, bytes, how & 0x1f);
	send(handlers[i].agent, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* At another relay, or not: which it is matters not. */
static void
name_node(char node[static NODE_NAME_SIZE])
{
	const int forwarded = node[0] != '\0';

	memset(node, 0, NODE_NAME_SIZE);
	node[0] = forwarded ? 'n' : '\0';
}

/* Some of what is behind the certificate goes on to another relay, or none. */
static void
carry(struct message_register *r)
{
	r->proof_len = r->role == ROLE_STONE && r->node[0] == '\0'
			   ? r->proof_len % (PROOF_MAX + 1)
			   : 0;
}

/* A packet as it should be but for the fuzzed body, or any bytes at all. */
static void
say(size_t i, struct fuzz_input *in)
{
	static uint8_t body[sizeof(struct message_announce) + 8];
	static struct message m;
	unsigned type = fuzz_byte(in), len = fuzz_byte(in);
	/* the least that is a certificate; its serial number is the letter */
	int connection = -1;
	uint8_t der[DER_BYTES + PROOF_MAX] = {0x30, 13, 0x30, 5, 2, 1,
	    (uint8_t)(type >> 6), 0x30, 0, 0x30, 0, 3, 2, 0, 0};

	memset(&m, 0, sizeof(m));
	memset(body, 0, sizeof(body));
	len = (unsigned)fuzz_bytes(
	    in, body, len < sizeof(body) ? len : sizeof(body));
	m.type = (enum message_type)(type % 64);
	memcpy(&m.u, body, sizeof(body));
	m.der = der;
	if (m.type == MESSAGE_REGISTER || m.type == MESSAGE_CHECK) {
		m.u.reg.role = 1 + m.u.reg.role % 2;
		m.u.reg.der_len = DER_BYTES;
		m.u.reg.chain_len = 0;
		name_node(m.u.reg.node);
		carry(&m.u.reg);
		m.u.reg.meets = m.u.reg.role == ROLE_AGENT &&
				m.u.reg.node[0] != '\0';
		m.u.reg.key.text[CUSTOMER_NAME_SIZE - 1] = '\0';
		m.u.reg.peer[NETADDR_TEXT_MAX - 1] = '\0';
	} else if (m.type == MESSAGE_ANNOUNCE) {
		m.u.announce.role = 1 + m.u.announce.role % 2;
		m.u.announce.der_len = DER_BYTES;
		name_node(m.u.announce.node);
		m.u.announce
		    .session = nmatched > 0 && m.u.announce.session < 64
				   ? matched[m.u.announce.session % nmatched].id
				   : m.u.announce.session;
		m.u.announce.peer[NETADDR_TEXT_MAX - 1] = '\0';
	} else if (m.type == MESSAGE_END || m.type == MESSAGE_PROGRESS) {
		m.u.end.session = handlers[i].in_session;
	} else if (m.type == MESSAGE_WAIT_AGAIN) {
		m.u.wait_again.session = handlers[i].in_session;
	} else if (m.type == MESSAGE_ADMIN) {
		m.u.admin.command = 1 + m.u.admin.command % 9;
	} else if (m.type == MESSAGE_ADMIN_FOR) {
		m.u.admin_for.admin.command = 1 +
					      m.u.admin_for.admin.command % 9;
		name_node(m.u.admin_for.administrator);
	} else if (m.type == MESSAGE_ATTACH) {
		m.u.attach.kind = 1 + m.u.attach.kind % 3;
	} else if (m.type == MESSAGE_REACH) {
		m.u.reach.der_len = DER_BYTES;
		m.u.reach.chain_len = m.u.reach.proof_len = 0;
	} else if (m.type == MESSAGE_ANSWER) {
		const struct conn *stone = handlers[body[0] % CONNS].conn;

		memset(&m.u.answer.nodes, 0, sizeof(m.u.answer.nodes));
		m.u.answer.id = stone == NULL ? 0 : stone->id;
		m.u.answer.verdict = 1 + m.u.answer.verdict % 3;
		m.u.answer.nodes.count = m.u.answer.verdict == ANSWER_FOUND;
		m.u.answer.nodes.names[0][0] = m.u.answer.verdict ==
						       ANSWER_FOUND
						   ? 'n'
						   : '\0';
	} else if (m.type == MESSAGE_ADMITTED) {
		const struct conn *stone = handlers[body[0] % CONNS].conn;

		m.u.admitted.id = stone == NULL ? 0 : stone->id;
		m.u.admitted.verdict = 1 + m.u.admitted.verdict % 3;
	} else if (m.type == MESSAGE_VIEW) {
		m.u.view.der_len = DER_BYTES;
	} else if (m.type == MESSAGE_REFUSAL) {
		m.u.refusal.kind = 1 + m.u.refusal.kind % REFUSAL_KINDS;
	}
	if (m.type == MESSAGE_PARKED && (len & 1) == 0)
		connection = connect_agent(i);
	/* any fds will do: the broker has to close them */
	if (wire_send(handlers[i].fd, &m,
		(const int[WIRE_FDS]){connection == -1 ? 0 : connection}) ==
	    -1) {
		send(handlers[i].fd, body, len, MSG_NOSIGNAL);
	} else if (handlers[i].conn->waiter.state == WAITER_ABSENT &&
		   (m.type == MESSAGE_REGISTER || m.type == MESSAGE_ANNOUNCE)) {
		handlers[i].der = der[6];
		handlers[i].in_session = m.type == MESSAGE_ANNOUNCE
					     ? m.u.announce.session
					     : 0;
	} else if (m.type == MESSAGE_WAIT_AGAIN) {
		handlers[i].in_session = 0;
	}
	fd_close(&connection);
}

static void
turn(struct broker *b, struct fuzz_input *in)
{
	unsigned what = fuzz_byte(in);
	size_t i = what % CONNS;

	if (handlers[i].conn == NULL)
		connect_one(b, i);
	if ((what & 0xc0) == 0xc0)
		fd_close(handlers[i].conn->parked == NULL
			     ? &handlers[i].fd
			     : &handlers[i].agent); /* it dies */
	else if (handlers[i].conn->parked != NULL)
		say_parked(i, in);
	else
		say(i, in);
	serve(b, handlers[i].conn);
	for (int k = 0; k < 3 && sweep_pending(b); k++)
		sweep_turn(b);
	parking_turn(b);
	presence_turn(b);
	reload_settle(b);
	listen_to(b);
	log_set_level(LOG_EMERG); /* an administrator may have raised it */
}

static void
finish(struct broker *b)
{
	struct conn *c;

	while ((c = LIST_FIRST(&b->conns)) != NULL)
		conn_drop(b, c);
	conn_free_dropped(b);
	sweep_free_all(b);
	MUST(sessions_count(b->sessions) == 0);
	MUST(b->parking.count == 0);
	parking_free(&b->parking);
	certificate_set_free(b->certificates);
	pairing_free(b->pairing);
	sessions_free(b->sessions);
	recent_free(b->recent);
	accounts_free(b->accounts);
	customers_free(b->customers);
	relay_conf_free(&b->conf);
	fd_close(&b->epoll);
	fd_close(&b->timer);
	filewatch_close(&b->crl);
	fd_close(&b->trust);
	free(b);
	for (size_t i = 0; i < CONNS; i++) {
		fd_close(&handlers[i].fd);
		fd_close(&handlers[i].agent);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *conf = conf_path();
	struct sockaddr_in at;
	const int listener = agents_listener(&at);
	/* the fuzzer itself may open some between two inputs */
	const unsigned before = fuzz_open_fds();
	struct fuzz_input in = {data, size};
	struct broker *b = start(conf);

	MUST(listener != -1);
	nmatched = 0;
	memset(handlers, 0, sizeof(handlers));
	for (size_t i = 0; i < CONNS; i++)
		handlers[i].fd = handlers[i].agent = -1;
	for (int turns = 0; in.left > 0 && turns < 200; turns++)
		turn(b, &in);
	finish(b);
	MUST(fuzz_open_fds() == before);
	return 0;
}
