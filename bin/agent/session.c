/* One session of the agent: see session.h. */
#include "agent/session.h"
#include "agent/mux_server.h"
#include "agent/probe.h"
#include "agent/proxy_protocol.h"
#include "agent/refusal.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/log.h"
#include "channel/splice.h"
#include "web/web.h"

#include <stdio.h>
#include <string.h>

#define TARGET_MS 10000 /* to reach the target */
#define SEND_MS   10000
#define LINGER_MS 2000 /* for the stone to read a refusal */

struct session {
	const struct agent_conf *conf;
	const struct target *target;
	const struct head *head;
	struct channel *relay; /* or the sealed one over it */
	struct channel_sealed sealed;
	enum agent_seal_result seal;
	struct channel server; /* to the target */
	struct splice splice;
	struct web web; /* without -n */
};

static void
refuse(const struct session *s, int status, const char *reason)
{
	agent_refuse(s->relay, s->head, status, reason);
}

static int
find_target(struct session *s)
{
	s->target = target_find(
	    s->conf->targets, s->conf->ntargets, s->head->service);
	if (s->target != NULL)
		return 0;
	log_event(LOG_NOTICE, "no-such-service", "service", s->head->service,
	    "client", s->head->forwarded_for, NULL);
	refuse(s, 404, "No such service");
	return -1;
}

/*
 * What goes to the target before all else. A port forwarder takes the head
 * away; a web server gets the first request as it may be.
 */
static int
prepare(struct session *s, const char *buf, size_t len)
{
	struct flow *down = &s->splice.ab;
	struct web_rules rules = {0};
	ssize_t n;

	if (s->conf->forward) {
		down->len = len - s->head->length;
		memcpy(down->buf, buf + s->head->length, down->len);
		return 0;
	}
	rules.host = s->conf->host[0] != '\0' ? s->conf->host : NULL;
	memcpy(rules.forwarded_for, s->head->forwarded_for,
	    sizeof(rules.forwarded_for));
	memcpy(rules.service, s->head->service, sizeof(rules.service));
	rules.upgrades = &s->conf->upgrades;
	web_init(&s->web, &rules, s->relay, buf, len);
	n = channel_read(&s->web.client, down->buf, sizeof(down->buf));
	if (n > 0) {
		down->len = (size_t)n;
		return 0;
	}
	refuse(s, s->web.requests.status, s->web.requests.reason);
	return -1;
}

static int
connect_target(struct session *s)
{
	struct failure f;
	char text[160];
	int fd = target_dial(s->target, deadline_in(TARGET_MS), &f);

	if (fd != -1) {
		channel_tcp(&s->server, fd);
		return 0;
	}
	log_event(LOG_WARNING, "target-unreachable", "target", s->target->text,
	    "service", s->target->service, "reason", f.text, NULL);
	snprintf(text, sizeof(text), "Target unreachable: %.120s", f.text);
	refuse(s, 502, text);
	return -1;
}

/* Tells the target whose connection it is. */
static int
send_proxy_header(struct session *s)
{
	unsigned char out[PROXY_PROTOCOL_MAX];
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(ss);
	size_t n;

	if (!s->conf->proxy_protocol)
		return 0;
	getpeername(s->server.fd, (struct sockaddr *)&ss, &len);
	n = proxy_protocol_write(
	    out, s->head->forwarded_for, (const struct sockaddr *)&ss);
	return channel_write_all(&s->server, out, n, deadline_in(SEND_MS));
}

/*
 * A port forwarder answers the head itself: stone reads nothing from its client
 * before it has seen an answer.
 */
static int
answer(struct session *s)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n";

	if (!s->conf->forward)
		return 0;
	return channel_write_all(
	    s->relay, ok, sizeof(ok) - 1, deadline_in(SEND_MS));
}

static enum splice_result
join(struct session *s)
{
	struct channel *a = s->relay, *b = &s->server;

	if (send_proxy_header(s) == -1)
		return SPLICE_B_BROKE;
	if (answer(s) == -1)
		return SPLICE_A_BROKE;
	if (!s->conf->forward) {
		web_join(&s->web, b);
		a = &s->web.client;
		b = &s->web.server;
	}
	s->splice.ab.from = s->splice.ba.to = a;
	s->splice.ab.to = s->splice.ba.from = b;
	return splice_run(&s->splice, NULL);
}

/* For the log: who could read it, and whether a relay has encrypted it too. */
static const char *
seal_word(const struct session *s)
{
	if (s->seal != AGENT_SEALED)
		return "none";
	return channel_sealed_is_bare(&s->sealed) ? "bare" : "sealed";
}

static int
finish(struct session *s, enum splice_result rc)
{
	static const char *const words[] = {
	    [SPLICE_DONE] = "done",
	    [SPLICE_A_BROKE] = "relay-error",
	    [SPLICE_B_BROKE] = "target-error",
	};

	log_event(LOG_INFO, "session", "in", LOG_U64(s->relay->arrived), "out",
	    LOG_U64(s->server.arrived), "reason", words[rc], "client",
	    s->head->forwarded_for, "target", s->target->text, "service",
	    s->target->service, "seal", seal_word(s), NULL);
	if (rc != SPLICE_DONE) {
		channel_abort(&s->server);
		return -1;
	}
	if (s->web.refusal_sent)
		channel_linger(s->relay, deadline_in(LINGER_MS));
	if (s->web.requests.late)
		channel_abort(&s->server);
	else
		channel_close(&s->server);
	return 0;
}

/* Many connections at once, each with a target of its own. */
static int
multiplex(struct session *s, const char *buf, size_t len)
{
	struct agent_mux_end end;

	agent_mux_run(s->conf, s->relay, s->head->forwarded_for,
	    buf + s->head->length, len - s->head->length, &end);
	log_event(LOG_INFO, "session", "in", LOG_U64(s->relay->arrived),
	    "streams", LOG_U64(end.streams), "reason",
	    end.result == MUX_DONE ? "done" : "relay-error", "error", end.error,
	    "client", s->head->forwarded_for, "seal", seal_word(s), NULL);
	return end.result == MUX_DONE ? 0 : -1;
}

static int
serve(struct session *s, const struct agent_request *r)
{
	if (r->head.check)
		return agent_probe_run(
		    s->conf, s->relay, &r->head, r->buf, r->len);
	if (s->conf->forward && agent_mux_wanted(&r->head, r->buf))
		return multiplex(s, r->buf, r->len);
	splice_init(&s->splice, NULL, NULL);
	if (find_target(s) == -1 || prepare(s, r->buf, r->len) == -1 ||
	    connect_target(s) == -1)
		return 0; /* the stone was told */
	return finish(s, join(s));
}

int
agent_session_run(struct agent_conf *conf, struct channel *relay,
    struct agent_request *request)
{
	static struct session s;
	int rc;

	s.conf = conf;
	s.relay = relay;
	s.head = &request->head;
	s.seal = agent_seal_run(&s.sealed, conf, relay, request);
	seal_forget(&conf->seal);
	if (s.seal == AGENT_REFUSED)
		return 0;
	if (s.seal == AGENT_BROKE)
		return -1;
	if (s.seal == AGENT_SEALED)
		s.relay = &s.sealed.channel;
	rc = serve(&s, request);
	if (rc == -1)
		channel_abort(s.relay);
	else
		channel_close(s.relay);
	return rc;
}
