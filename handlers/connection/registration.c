/* A handler's standing with the broker: see registration.h. */
#include "connection/registration.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "connection/reconnect.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESTART_TRIES 3 /* in vain; a broker that restarts is there by then */
#define MISSING_MS    60000 /* between two lines of one that is not */

static int64_t next_complaint;
static int hushed;

void
registration_init(struct registration *r, const char *socket, enum role role,
    uint32_t wants, uint64_t agent, const char *peer, const uint8_t *der,
    uint32_t der_len)
{
	*r = (struct registration){
	    .socket = socket,
	    .fd = -1,
	    .self = {.role = role,
		.der_len = der_len,
		.agent = agent,
		.wants = wants},
	    .der = der,
	};
	snprintf(r->self.peer, sizeof(r->self.peer), "%s", peer);
}

void
registration_init_spawner(struct registration *r, const char *socket,
    enum attach_kind kind, int64_t loaded, int badge)
{
	*r = (struct registration){.socket = socket,
	    .fd = -1,
	    .attaches = kind,
	    .loaded = loaded,
	    .badge = badge};
}

/*
 * An agent that waits has time. A stone has little, and what is in a session
 * counts for its customer's limits: these come at once.
 */
static void
retry_later(struct registration *r)
{
	const int patient = r->self.role == ROLE_AGENT && r->session == 0;

	fd_close(&r->fd);
	r->retry_at = deadline_in(reconnect_delay(
	    patient ? r->present : 0, r->tries, deadline_random()));
	r->tries++;
}

static int
say_hello(const struct registration *r)
{
	struct message m = {.type = MESSAGE_REGISTER, .der = r->der};

	if (r->self.role == 0) {
		m.type = MESSAGE_ATTACH;
		m.u.attach.loaded = (uint64_t)r->loaded;
		m.u.attach.kind = (uint32_t)r->attaches;
		return wire_send(r->fd, &m, &r->badge);
	}
	if (r->session == 0) {
		if (r->checks)
			m.type = MESSAGE_CHECK;
		m.u.reg = r->self;
		return wire_send(r->fd, &m, NULL);
	}
	m.type = MESSAGE_ANNOUNCE;
	m.u.announce = (struct message_announce){
	    .role = r->self.role,
	    .der_len = r->self.der_len,
	    .session = r->session,
	    .id = r->self.id,
	    .tls = r->tls,
	    .started = r->started,
	    .bytes_in = r->bytes_in,
	    .bytes_out = r->bytes_out,
	};
	memcpy(m.u.announce.peer, r->self.peer, sizeof(m.u.announce.peer));
	memcpy(m.u.announce.voucher, r->self.voucher,
	    sizeof(m.u.announce.voucher));
	memcpy(m.u.announce.node, r->self.node, sizeof(m.u.announce.node));
	return wire_send(r->fd, &m, NULL);
}

void
registration_connect(struct registration *r)
{
	if (r->fd != -1 || deadline_left(r->retry_at) > 0)
		return;
	r->fd = ipc_socket_connect(r->socket);
	if (r->fd != -1 && say_hello(r) == 0)
		return;
	r->error = errno;
	retry_later(r);
}

int
registration_missing(const struct registration *r)
{
	return r->fd == -1 && r->tries >= RESTART_TRIES;
}

void
registration_complain(const struct registration *r)
{
	if (!hushed && deadline_rings(&next_complaint, MISSING_MS))
		log_event(LOG_ERR, "no-broker", "socket", r->socket, "error",
		    r->error != 0 ? strerror(r->error) : "it hangs up", "do",
		    "is relay-broker running, as the same user?", NULL);
}

void
registration_hush(void)
{
	hushed = 1;
}

int64_t
registration_due(const struct registration *r)
{
	return r->fd == -1 ? r->retry_at : DEADLINE_NONE;
}

int
registration_receive(struct registration *r, struct wire_packet *packet)
{
	int rc;

	if (r->fd == -1)
		return 0;
	rc = wire_receive(r->fd, packet);
	if (rc == -1 && errno == EAGAIN)
		return 0;
	if (rc != 1) {
		log_event(LOG_DEBUG, "broker-lost", NULL);
		r->error = 0;
		retry_later(r);
		return 0;
	}
	r->tries = 0;
	if (packet->message.type == MESSAGE_READY ||
	    packet->message.type == MESSAGE_HANDOFF ||
	    packet->message.type == MESSAGE_ATTACH ||
	    packet->message.type == MESSAGE_PARKED)
		wire_close_fds(packet); /* no broker sends these */
	if (packet->message.type == MESSAGE_MATCHED) {
		r->session = packet->message.u.matched.session;
		r->started = (uint64_t)(deadline_now() / 1000);
		r->bytes_in = r->bytes_out = r->tls = 0;
	} else if (packet->message.type == MESSAGE_WELCOME) {
		r->self.id = packet->message.u.welcome.id;
		r->present = packet->message.u.welcome.present;
		r->park_after = packet->message.u.welcome.park_after;
	}
	return 1;
}

void
registration_wait_again(struct registration *r)
{
	struct message m = {.type = MESSAGE_WAIT_AGAIN};

	m.u.wait_again.session = r->session;
	r->session = 0;
	/* away from the broker, REGISTER says as much when it is back */
	if (r->fd != -1 && wire_send(r->fd, &m, NULL) == -1)
		retry_later(r);
}

void
registration_tell(struct registration *r, const struct message *m)
{
	if (r->fd != -1 && wire_send(r->fd, m, NULL) == -1)
		retry_later(r);
}

void
registration_progress(
    struct registration *r, uint64_t bytes_in, uint64_t bytes_out, uint32_t tls)
{
	struct message m = {.type = MESSAGE_PROGRESS};

	m.u.progress.session = r->session;
	m.u.progress.bytes_in = r->bytes_in = bytes_in;
	m.u.progress.bytes_out = r->bytes_out = bytes_out;
	m.u.progress.tls = r->tls = tls;
	registration_tell(r, &m);
}

void
registration_end(struct registration *r, enum end_reason reason,
    uint64_t bytes_in, uint64_t bytes_out, uint32_t tls)
{
	struct message m = {.type = MESSAGE_END};

	if (r->session == 0)
		return;
	m.u.end.session = r->session;
	m.u.end.reason = reason;
	m.u.end.tls = tls;
	m.u.end.bytes_in = bytes_in;
	m.u.end.bytes_out = bytes_out;
	if (r->fd != -1)
		wire_send(r->fd, &m, NULL);
	r->session = 0;
}

void
registration_close(struct registration *r)
{
	fd_close(&r->fd);
}
