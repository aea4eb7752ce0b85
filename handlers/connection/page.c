/*
 * The state PAGE: a browser that opens /KLAB/ gets the page, which then asks
 * for its data every 2 s. Each is a connection of its own, so that each has
 * shown its certificate just now. See state.h.
 */
#include "http/page.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "connection/state.h"
#include "connection/status_json.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000 /* for the broker */

static enum state
send_answer(struct handler *h, int json, const char *body, size_t len)
{
	const int64_t deadline = deadline_in(HANDLER_SEND_MS);
	char head[PAGE_HEAD_MAX];
	int n = page_head(head, json, len);

	if (n == -1)
		return handler_refuse(
		    h, REFUSAL_RELAY, 503, "The relay is out of memory");
	log_event(LOG_DEBUG, "page", "peer", h->peer, "identity", h->identity,
	    "what", json ? "data" : "page", NULL);
	if (channel_write_all(&h->tls.channel, head, (size_t)n, deadline) ==
		-1 ||
	    channel_write_all(&h->tls.channel, body, len, deadline) == -1)
		return ENDED;
	return CLOSING;
}

/* ---- the data ---- */

static int
ask(int broker, const struct handler *h)
{
	struct message m = {
	    .type = MESSAGE_VIEW, .u.view.der_len = h->der_len, .der = h->der};

	memcpy(m.u.view.voucher, h->voucher, sizeof(h->voucher));
	return wire_send(broker, &m, NULL);
}

/*
 * Writes what the broker says. Returns 0, or an HTTP status where there is
 * nothing to show, with the broker's last word in packet if it is 429.
 */
static int
collect(int broker, FILE *out, struct wire_packet *packet)
{
	const int64_t deadline = deadline_in(ANSWER_MS);
	const struct message *m = &packet->message;

	status_json_begin(out, (uint64_t)time(NULL));
	for (;;) {
		int more = 1;

		if (wire_receive_by(broker, packet, deadline) == -1)
			return 503;
		wire_close_fds(packet);
		if (m->type == MESSAGE_REFUSED)
			return 429;
		if (m->type == MESSAGE_ADMIN_DONE)
			break;
		while (more == 1) {
			status_json_row(out, m);
			more = wire_next(packet);
		}
	}
	status_json_end(out, strcmp(m->u.admin_done.text, VIEW_ALL) == 0);
	return 0;
}

static enum state
send_data(struct handler *h)
{
	static struct wire_packet packet;
	int broker = ipc_socket_connect(h->conf->socket), status = 503;
	char *body = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&body, &len);
	enum state next;

	if (out != NULL && broker != -1 && ask(broker, h) == 0)
		status = collect(broker, out, &packet);
	fd_close(&broker);
	if (out != NULL && fclose(out) != 0)
		status = 503;
	if (status == 0)
		next = send_answer(h, 1, body, len);
	else if (status == 429)
		next = handler_turn_away(h,
		    (int)packet.message.u.refused.status,
		    packet.message.u.refused.reason);
	else
		next = handler_refuse(
		    h, REFUSAL_RELAY, 503, "The relay is restarting");
	free(body);
	return next;
}

enum state
run_page(struct handler *h)
{
	if (h->head.takes_json)
		return send_data(h);
	return send_answer(h, 0, page_html, page_length());
}
