/* An administrator at another relay: see administrator.h. */
#include "peer/administrator.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/ipc_socket.h"
#include "ipc/wire.h"
#include "peer/admin_frames.h"
#include "peer/crossing.h"
#include "peer/frame.h"

#include <errno.h>
#include <string.h>

#define REQUEST_MS 2000
#define ANSWER_MS  15000 /* a reload waits some seconds for all handlers */
#define LINGER_MS  500

struct visit {
	struct channel *ch;
	const struct relay_conf *conf;
	const char *name, *from;
};

static void
turn_away(const struct visit *v, int status, const char *reason)
{
	log_event(LOG_WARNING, "admin-refused", "name", v->name, "peer",
	    v->from, "reason", reason, NULL);
	crossing_refuse(v->ch, REFUSED_NODE, status, reason);
}

/* Returns 0 with what he asks for, or -1: he was refused. */
static int
read_request(const struct visit *v, struct message *m)
{
	uint8_t body[ADMIN_REQUEST_MAX];
	size_t len;

	if (frame_read(v->ch, body, sizeof(body), &len,
		deadline_in(REQUEST_MS)) != FRAME_ADMIN)
		turn_away(v, 400, "It does not ask as an administrator does");
	else if (v->conf->peer_admin != PEER_ADMIN_YES)
		turn_away(v, 403, "This relay has no line peer_admin = yes");
	else if (admin_request_decode(m, body, len) == 0)
		return 0;
	else if (errno == EACCES)
		turn_away(v, 403, "This is not for administrators elsewhere");
	else
		turn_away(v, 400, "Not asked as by relayctl " VERSION);
	return -1;
}

/* Returns a connection to the broker that has the request, or -1. */
static int
ask(const struct visit *v, const struct message_admin *request)
{
	struct message m = {
	    .type = MESSAGE_ADMIN_FOR, .u.admin_for.admin = *request};
	int broker = ipc_socket_connect(v->conf->socket);

	strncpy(m.u.admin_for.administrator, v->name,
	    sizeof(m.u.admin_for.administrator) - 1);
	if (broker != -1 && wire_send(broker, &m, NULL) == -1)
		fd_close(&broker);
	return broker;
}

/* Returns 0, or -1 where the broker does not answer to the end. */
static int
pass_on(const struct visit *v, int broker)
{
	static struct wire_packet packet;
	const int64_t deadline = deadline_in(ANSWER_MS);

	do {
		if (wire_receive_by(broker, &packet, deadline) == -1)
			return -1;
		wire_close_fds(&packet);
		if (frame_send(v->ch, FRAME_ANSWER, packet.bytes, packet.len,
			deadline_in(CROSSING_SEND_MS)) == -1)
			return 0; /* he has left */
	} while (packet.message.type != MESSAGE_ADMIN_DONE);
	channel_linger(v->ch, deadline_in(LINGER_MS));
	return 0;
}

void
administrator_serve(struct channel *ch, const struct relay_conf *conf,
    const char *name, const char *from)
{
	const struct visit v = {ch, conf, name, from};
	struct message request;
	int broker;

	if (read_request(&v, &request) == -1)
		return;
	log_event(LOG_NOTICE, "admin", "name", name, "peer", from, "command",
	    admin_command_word(request.u.admin.command), "argument",
	    request.u.admin.argument, NULL);
	broker = ask(&v, &request.u.admin);
	if (broker == -1 || pass_on(&v, broker) == -1)
		turn_away(&v, 503, "The broker does not answer");
	fd_close(&broker);
}
