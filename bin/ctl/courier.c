/* Takes a request to another relay: see courier.h. */
#include "ctl/courier.h"
#include "base/deadline.h"
#include "channel/channel_tls.h"
#include "ctl/sandbox.h"
#include "dial/dial.h"
#include "ipc/wire.h"
#include "peer/admin_frames.h"
#include "peer/frame.h"
#include "peer/offer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Milliseconds; the first two as relay-peer's. */
#define CONNECT_MS   1000
#define HANDSHAKE_MS 2000
#define SEND_MS      2000
#define ANSWER_MS    16000 /* the relay there says itself if it takes longer */
#define BYE_MS       500

/* As much as a million agents' rows. */
#define ANSWER_BYTES_MAX ((size_t)512 << 20)

/* Packets for the asker, each behind its length. */
struct answer {
	uint8_t *bytes;
	size_t len, room;
};

/* ---- the way there ---- */

/* Returns 0, or -1 with f. */
static int
reach(struct channel_tls *tls, const struct peer_material *m, const char *name,
    const struct peer_place *place, struct failure *f)
{
	int fd = dial_address(
	    (const struct sockaddr *)&place->address, place->len, CONNECT_MS);
	SSL *ssl;

	if (fd == -1)
		return failure(f, "%s", strerror(errno));
	if (ctl_sandbox_courier() == -1)
		return failure(f, "sandbox: %s", strerror(errno));
	ssl = peer_material_dial(m, fd, name);
	if (ssl == NULL) {
		tls_error_text(f);
		return -1;
	}
	channel_tls(tls, ssl);
	return tls_handshake(ssl, deadline_in(HANDSHAKE_MS), f);
}

/* ---- the answer ---- */

/* Returns 0, or -1 with f. */
static int
keep(struct answer *a, const uint8_t *packet, size_t len, struct failure *f)
{
	const size_t needs = a->len + sizeof(len) + len;
	uint8_t *more;

	if (needs > ANSWER_BYTES_MAX)
		return failure(f, "its answer has no end");
	if (a->bytes == NULL || needs > a->room) {
		more = realloc(a->bytes, 2 * needs);
		if (more == NULL)
			return failure(f, "%s", strerror(errno));
		a->bytes = more;
		a->room = 2 * needs;
	}
	memcpy(a->bytes + a->len, &len, sizeof(len));
	memcpy(a->bytes + a->len + sizeof(len), packet, len);
	a->len = needs;
	return 0;
}

/* Why it has sent no frame. Returns -1. */
static int
explain(struct failure *f)
{
	const int error = errno;
	const char *alert = tls_peer_alert();

	if (alert != NULL)
		return failure(f, "it refuses our certificate: %s", alert);
	if (error == EPROTO)
		return failure(f, "it does not answer as a relay does");
	if (error == ECONNRESET || error == EPIPE)
		return failure(
		    f, "it hung up: the log of its relay-peer says why");
	return failure(f, "%s", strerror(error));
}

/* Returns 1 where more is to come, 0 at its end, or -1 with f. */
static int
take(struct answer *a, struct channel *ch, int64_t deadline, struct failure *f)
{
	static uint8_t body[FRAME_MAX];
	struct refused r;
	size_t len;
	int type, more;

	type = frame_read(ch, body, MESSAGE_MAX, &len, deadline);
	if (type == -1)
		return explain(f);
	if (type == FRAME_REFUSED && refused_decode(&r, body, len) == 0)
		return failure(f, "%s", r.reason);
	more = type == FRAME_ANSWER ? admin_answer_check(body, len) : -1;
	if (more == -1)
		return failure(
		    f, "it does not answer as this relayctl understands");
	return keep(a, body, len, f) == -1 ? -1 : more;
}

/* Returns 0, or -1 with f. */
static int
ask(struct answer *a, struct channel *ch, const struct message *request,
    struct failure *f)
{
	const int64_t deadline = deadline_in(ANSWER_MS);
	uint8_t body[ADMIN_REQUEST_MAX];
	const ptrdiff_t len = message_encode(request, body, sizeof(body));
	int rc;

	if (len == -1 || frame_send(ch, FRAME_ADMIN, body, (size_t)len,
			     deadline_in(SEND_MS)) == -1)
		return explain(f);
	do
		rc = take(a, ch, deadline, f);
	while (rc == 1);
	if (rc == 0)
		channel_linger(ch, deadline_in(BYE_MS));
	return rc;
}

/* ---- back ---- */

/* Whoever asked may take his time, and end at any moment. */
static void
hand_over(const struct answer *a, int sock)
{
	size_t len;

	for (size_t at = 0; at < a->len; at += len) {
		memcpy(&len, a->bytes + at, sizeof(len));
		at += sizeof(len);
		if (send(sock, a->bytes + at, len, MSG_NOSIGNAL) == -1)
			return;
	}
}

static void
tell_failure(int sock, const struct failure *f)
{
	struct message m = {.type = MESSAGE_REFUSED, .u.refused.status = 503};

	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason), "%.*s",
	    MESSAGE_REASON_MAX - 1, f->text);
	wire_send(sock, &m, NULL);
}

void
courier_run(int sock, const struct peer_material *m, const char *name,
    const struct peer_place *place)
{
	static struct wire_packet request;
	struct channel_tls tls = {.channel.fd = -1};
	struct answer a = {NULL, 0, 0};
	struct failure f;

	if (wire_receive_by(sock, &request, DEADLINE_NONE) == -1)
		_exit(0); /* nothing is to be asked */
	if (reach(&tls, m, name, place, &f) == -1 ||
	    ask(&a, &tls.channel, &request.message, &f) == -1)
		tell_failure(sock, &f);
	else
		hand_over(&a, sock);
	_exit(0);
}
