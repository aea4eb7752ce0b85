/* The handler: see handler.h and, for its states, state.h. */
#include "connection/handler.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "channel/tcp.h"
#include "connection/handler_sandbox.h"
#include "connection/report.h"
#include "connection/state.h"
#include "http/reply.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define LINGER_MS 2000 /* for the client to read a refusal */

const char *
handler_role(const struct handler *h)
{
	return h->role == ROLE_AGENT ? "agent" : "stone";
}

uint32_t
handler_id(const struct handler *h)
{
	return h->registration.session != 0 ? h->registration.session
					    : h->registration.self.id;
}

enum state
handler_remove(struct handler *h)
{
	log_event(LOG_NOTICE, "removed", "id", LOG_ID(handler_id(h)), "role",
	    handler_role(h), "peer", h->peer, "identity", h->identity, "reason",
	    h->removal.reason, NULL);
	if (h->removal.end == END_CERTIFICATE)
		report_refusal(
		    h, REFUSAL_REMOVED, h->removal.status, h->removal.reason);
	/* an agent that waits has its answer: only its poll ends */
	return h->welcomed
		   ? CLOSING
		   : handler_turn_away(h, h->removal.status, h->removal.reason);
}

enum state
handler_refuse(
    struct handler *h, enum refusal_kind kind, int status, const char *reason)
{
	report_refusal(h, kind, status, reason);
	return handler_turn_away(h, status, reason);
}

enum state
handler_turn_away(struct handler *h, int status, const char *reason)
{
	char out[REPLY_MAX];
	size_t len = reply_refusal(out, status, reason, h->head.takes_body);

	log_event(LOG_NOTICE, "refused", "status", LOG_U64(status), "reason",
	    reason, "peer", h->peer, "identity", h->identity, NULL);
	if (channel_write_all(&h->tls.channel, out, len,
		deadline_in(HANDLER_SEND_MS)) == -1) {
		h->in_order = 0;
		return ENDED;
	}
	return CLOSING;
}

/* The client must read the refusal. */
static enum state
run_closing(struct handler *h)
{
	channel_linger(&h->tls.channel, deadline_in(LINGER_MS));
	return ENDED;
}

int
handler_enter(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGUSR2, 0};
	int fd;

	signal(SIGHUP, SIG_IGN); /* the spawner's business */
	fd = program_signals(signals);
	if (fd == -1 || handler_sandbox_serve() == -1) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		fd_close(&fd);
	}
	return fd;
}

/* Closes and frees what the connection had. */
static void
release(struct handler *h)
{
	registration_close(&h->registration);
	channel_close(&h->tls.channel);
	hop_close(&h->hop);
	reverify_free(&h->subject);
	OPENSSL_free(h->der);
	ERR_clear_error();
}

static void
wipe(struct handler *h)
{
	splice_wipe(&h->splice);
	explicit_bzero(h, offsetof(struct handler, splice));
}

int
handler_serve(const struct handler_task *task, const struct relay_conf *conf,
    struct tls_material *material)
{
	static enum state (*const run[])(struct handler *) = {
	    [WAKING] = run_waking,
	    [HANDSHAKE] = run_handshake,
	    [HEAD] = run_head,
	    [REGISTERING] = run_registering,
	    [WAITING] = run_waiting,
	    [MATCHED] = run_matched,
	    [SPLICING] = run_splicing,
	    [BARE] = run_bare,
	    [PARKING] = run_parking,
	    [PAGE] = run_page,
	    [CLOSING] = run_closing,
	};
	static struct handler h;
	enum state state = task->woken == NULL ? HANDSHAKE : WAKING;
	int in_order;

	h.conf = conf;
	h.material = material;
	h.tls.channel.fd = task->sock;
	h.signals = task->signals;
	h.tell = task->tell;
	h.is_spawned = task->tell != -1;
	h.is_last = task->is_last;
	h.woken = task->woken;
	h.pid = getpid();
	h.hop.fd = -1;
	h.registration.fd = -1;
	netaddr_peer(task->sock, h.peer);
	tcp_options(task->sock);
	while (state != ENDED)
		state = run[state](&h);
	in_order = h.in_order && h.removal.end == 0;
	release(&h);
	if (!task->is_last)
		wipe(&h);
	return in_order;
}
