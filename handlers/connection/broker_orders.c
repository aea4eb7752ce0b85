/* What the broker may tell a handler in any state: see broker_orders.h. */
#include "connection/broker_orders.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "connection/report.h"
#include "connection/reverify.h"

#include <stdio.h>
#include <time.h>

#define PROGRESS_MS 2000 /* between two reports of what has moved */

/* How the handler has to end. Returns 1. */
static int
end_with(
    struct handler *h, enum end_reason end, uint32_t status, const char *reason)
{
	h->removal.end = end;
	h->removal.status = (int)status;
	snprintf(h->removal.reason, sizeof(h->removal.reason), "%s", reason);
	return 1;
}

static int
recheck(struct handler *h, const struct wire_packet *packet)
{
	struct message m = {.type = MESSAGE_RECHECKED};
	char reason[MESSAGE_REASON_MAX];
	struct failure f = {.text = ""};

	m.u.rechecked.verdict = reverify_peer(&h->subject,
	    packet->fds[WIRE_TRUST], packet->message.u.recheck.size, &f);
	snprintf(m.u.rechecked.reason, sizeof(m.u.rechecked.reason), "%.*s",
	    ADMIN_TEXT_MAX - 1, f.text);
	registration_tell(&h->registration, &m);
	if (m.u.rechecked.verdict == RECHECK_FAILED)
		log_event(LOG_WARNING, "recheck-failed", "id",
		    LOG_ID(handler_id(h)), "peer", h->peer, "error", f.text,
		    NULL);
	if (m.u.rechecked.verdict != RECHECK_BAD)
		return 0;
	snprintf(reason, sizeof(reason), "Certificate: %.60s", f.text);
	return end_with(h, END_CERTIFICATE, 403, reason);
}

static int
obey(struct handler *h, const struct wire_packet *packet)
{
	const struct message *m = &packet->message;

	switch (m->type) {
	case MESSAGE_KICK:
		return end_with(
		    h, END_KICKED, m->u.kick.status, m->u.kick.reason);
	case MESSAGE_RECHECK:
		return recheck(h, packet);
	case MESSAGE_UNREACHED:
		snprintf(h->unreached, sizeof(h->unreached), "%s",
		    m->u.unreached.node);
		return 0;
	case MESSAGE_LOG_LEVEL:
		log_set_level((int)m->u.log_level.level);
		return 0;
	default:
		return 0;
	}
}

int
broker_orders_obey(struct handler *h, struct wire_packet *packet)
{
	int end = obey(h, packet);

	wire_close_fds(packet);
	return end;
}

int
broker_orders_expired(struct handler *h)
{
	/* a clock that was set since is asked again */
	if (deadline_left(h->expires) > 0)
		return 0;
	if (time(NULL) <= h->not_after) {
		h->expires = deadline_in(
		    (int64_t)(h->not_after - time(NULL) + 1) * 1000);
		return 0;
	}
	return end_with(
	    h, END_CERTIFICATE, 403, "Certificate: certificate has expired");
}

/* ---- beside the splice ---- */

static int
control_fd(void *arg)
{
	const struct handler *h = arg;

	return h->registration.fd;
}

struct broker_orders_account
broker_orders_account(const struct handler *h)
{
	return (struct broker_orders_account){
	    .in = h->tls.channel.arrived - h->head_bytes + h->pump.moved,
	    .out = h->other.channel.arrived,
	    .tls = h->session_tls | (h->watch.sealed ? SESSION_SEALED : 0),
	};
}

/* A report is due a while after something has moved, and not without that. */
static int64_t
progress_due(struct handler *h)
{
	const struct registration *r = &h->registration;
	struct broker_orders_account now;

	if (h->report_at != DEADLINE_NONE)
		return h->report_at;
	now = broker_orders_account(h);
	if (now.in != r->bytes_in || now.out != r->bytes_out ||
	    now.tls != r->tls)
		h->report_at = deadline_in(PROGRESS_MS);
	return h->report_at;
}

static int
control_timeout(void *arg)
{
	struct handler *h = arg;
	int64_t due = deadline_first(
	    registration_due(&h->registration), progress_due(h));

	return deadline_left(deadline_first(due, h->expires));
}

static int
control_serve(void *arg)
{
	struct handler *h = arg;
	struct broker_orders_account now;
	int end = 0;

	registration_connect(&h->registration);
	while (!end && registration_receive(&h->registration, &h->packet))
		end = broker_orders_obey(h, &h->packet);
	if (deadline_left(h->report_at) == 0) {
		now = broker_orders_account(h);
		registration_progress(
		    &h->registration, now.in, now.out, now.tls);
		report_link(h);
		h->report_at = DEADLINE_NONE;
	}
	return end || broker_orders_expired(h);
}

struct splice_control
broker_orders_control(struct handler *h)
{
	h->report_at = DEADLINE_NONE;
	return (struct splice_control){
	    control_fd, control_timeout, control_serve, h};
}
