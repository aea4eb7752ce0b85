/* "relay-stone check": see check.h. */
#include "stone/check.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/number.h"
#include "base/program.h"
#include "check/check.h"
#include "status/first_word.h"
#include "stone/ask.h"
#include "stone/forward.h"
#include "stone/material.h"
#include "stone/relay.h"
#include "stone/request.h"
#include "stone/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 30000 /* the relay waits for an agent */
#define LINE_MS   20000 /* the agent waits for its target */
#define LINGER_MS 2000
#define PINGS     5
#define FIELD     "X-Check: 1\r\n"

struct stone_check {
	struct check check;
	struct forwards *set;
	struct forward *forward;       /* that has its turn */
	struct relay_channel *session; /* NULL: none */
	int good[STONE_FORWARDS_MAX];  /* a relay of it is */
};

static struct stone_check *
of(struct check *check)
{
	return CONTAINER_OF(check, struct stone_check, check);
}

/* ---- the session ---- */

static const char *
advice_for(int status)
{
	switch (status) {
	case 403:
		return "ask the relay's owner: what he grants is in his file "
		       "customers(5)";
	case 404:
		return "name one of the agent's services in X-Service";
	case 429:
		return "end sessions that are not needed, or ask the relay's "
		       "owner for more (customers(5))";
	case 502:
		return "on the agent's host: relayagent check";
	case 503:
		return "start the agent with this certificate; on its host: "
		       "relayagent check";
	default:
		return "the log of the relay, or of the agent, says more";
	}
}

/* Sends the request, and waits for its answer. Returns 0, or -1 with f. */
static int
ask(struct stone_check *c, struct failure *f)
{
	const int64_t deadline = deadline_in(ANSWER_MS);
	struct relay_channel *s;
	char head[HEAD_MAX_BYTES], byte;
	size_t len = stone_request_write_with(
	    head, c->forward->conf->request, "127.0.0.1:0", FIELD);

	if (len == 0)
		return failure(f, "the request leaves no room for X-Check");
	switch (stone_ask(
	    &c->session, c->forward, c->check.proxy, head, len, -1, "")) {
	case STONE_PLAIN:
		return 0;
	case STONE_FAILED:
		if (c->session != NULL && c->session->state != ANSWER_GOOD)
			return 0;
		return failure(f, "%s", c->forward->last.text);
	default: /* it is still to be sent */
		break;
	}
	s = c->session;
	if (channel_write_all(&s->channel, head, len, deadline) == -1)
		return failure(f, "%s", strerror(errno));
	while (s->state == ANSWER_AWAITED)
		/* of a real session a byte may be lost: it ends anyway */
		if (channel_read_by(&s->channel, &byte, 1, deadline) == -1 &&
		    errno != EAGAIN && s->state == ANSWER_AWAITED)
			return failure(f, "no answer: %s", strerror(errno));
	return 0;
}

/* Asks the agent for a line, and reads that. Returns 0, or -1 with errno. */
static int
converse(struct stone_check *c, const char *question, char *line, size_t size)
{
	struct channel *ch = &c->session->channel;
	const int64_t deadline = deadline_in(LINE_MS);
	size_t len = 0;

	if (channel_write_all(ch, question, strlen(question), deadline) == -1)
		return -1;
	while (len == 0 || line[len - 1] != '\n') {
		ssize_t n = channel_read_by(
		    ch, line + len, size - 1 - len, deadline);

		if (n == 0 || len + 1 == size)
			errno = EPROTO;
		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || errno != EAGAIN)
			return -1;
	}
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

/* ---- steps ---- */

/* The best of a few, in milliseconds; -1 with errno. */
static double
round_trip(struct stone_check *c)
{
	double best = -1;
	char line[64];

	for (int i = 0; i < PINGS; i++) {
		const double start = check_now();
		double ms;

		if (converse(c, "ping\r\n", line, sizeof(line)) == -1)
			return -1;
		ms = check_now() - start;
		if (best < 0 || ms < best)
			best = ms;
	}
	return best;
}

/* As the report says it: who on the way could have read what was said. */
static const char *
seal_text(const struct relay_channel *session)
{
	const char *word = relay_channel_seal_word(session);

	return strcmp(word, "none") == 0   ? "it is not sealed"
	       : strcmp(word, "bare") == 0 ? "it is sealed, and bare"
					   : "it is sealed";
}

/* Whether an agent has answered itself, be it one that knows no checks. */
static int
is_of_agent(const struct response *r)
{
	return !r->explained || r->status == 404 || r->status == 502;
}

static void
check_agent(struct check *check, struct check_line *line)
{
	struct stone_check *c = of(check);
	const double start = check_now();
	const struct response *r;
	struct failure f;
	double answered, trip;

	if (ask(c, &f) == -1) {
		check_fail(line, EX_UNAVAILABLE,
		    "the relay's log says why, or a firewall on the way ends "
		    "what it does not know",
		    "no session with the agent: %s", f.text);
		return;
	}
	answered = check_now() - start;
	r = &c->session->response;
	/* nor is one there for the other forwards */
	c->good[c->forward - c->set->list] = r->status != 503;
	if (c->session->state == ANSWER_NOT_HTTP)
		check_fail(
		    line, EX_PROTOCOL, advice_for(0), "the answer is not HTTP");
	else if (!is_of_agent(r))
		check_fail(line, r->status == 503 ? EX_TEMPFAIL : EX_NOPERM,
		    advice_for(r->status), "refused: %d %s", r->status,
		    r->reason);
	else if (*r->check == '\0')
		check_ok(line,
		    "an agent that knows no checks has answered after %.1f ms; "
		    "the session: %s",
		    answered, seal_text(c->session));
	else if ((trip = round_trip(c)) < 0)
		check_fail(line, EX_UNAVAILABLE, advice_for(0),
		    "the agent's answers stay away: %s", strerror(errno));
	else
		check_ok(line,
		    "%s has answered after %.1f ms; a round trip takes "
		    "%.1f ms; the session: %s",
		    strchr(r->check, ' ') != NULL ? strchr(r->check, ' ') + 1
						  : "the agent",
		    answered, trip, seal_text(c->session));
}

/* Of an agent that knows no checks: the answer is that of a session. */
static void
say_session(const struct response *r, struct check_line *line)
{
	if (r->explained)
		check_fail(line, EX_UNAVAILABLE, advice_for(r->status),
		    "refused by the agent: %d %s", r->status, r->reason);
	else
		check_ok(line, "has answered: %d %s", r->status, r->reason);
}

static void
check_target(struct check *check, struct check_line *line)
{
	struct stone_check *c = of(check);
	const char *at;
	char text[600];
	int64_t status, us;

	if (*c->session->response.check == '\0') {
		say_session(&c->session->response, line);
		return;
	}
	if (converse(c, "target\r\n", text, sizeof(text)) == -1) {
		check_fail(line, EX_UNAVAILABLE, advice_for(0),
		    "the agent does not say: %s", strerror(errno));
		return;
	}
	at = text;
	status = number_take(&at, 100, 999);
	at += *at == ' ';
	us = number_take(&at, 0, INT32_MAX);
	at += *at == ' ';
	if (status == 200)
		check_ok(
		    line, "%s from the agent in %.1f ms", at, (double)us / 1e3);
	else if (status == -1)
		check_fail(line, EX_PROTOCOL, advice_for(0),
		    "the agent says: %s", text);
	else
		check_fail(line, EX_UNAVAILABLE, advice_for((int)status),
		    "the agent does not reach it: %s", at);
}

/* ---- forwards ---- */

static int
same(const struct stone_value *a, const struct stone_value *b)
{
	return a->text == b->text || (a->text != NULL && b->text != NULL &&
					 strcmp(a->text, b->text) == 0);
}

/* Whether both go to the same relays as the same client. */
static int
same_way(const struct stone_forward *a, const struct stone_forward *b)
{
	return relays_same(&a->relays, &b->relays) &&
	       same(&a->tls.warp, &b->tls.warp) &&
	       same(&a->tls.cert, &b->tls.cert) &&
	       same(&a->tls.key, &b->tls.key) &&
	       same(&a->tls.cafile, &b->tls.cafile) &&
	       same(&a->tls.capath, &b->tls.capath) &&
	       same(&a->tls.servername, &b->tls.servername);
}

/* What is true of an earlier forward is not tried again. */
static int
check_way(struct stone_check *c, size_t i)
{
	const struct stone_forward *conf = c->forward->conf;
	int good = 0;

	for (size_t j = 0; j < i; j++)
		if (same_way(c->set->list[j].conf, conf))
			return c->good[j];
	c->check.tls = &c->forward->tls;
	check_material(&c->check, stone_material_name(&conf->tls));
	for (size_t j = 0; j < conf->relays.n; j++) {
		c->check.place = &conf->relays.list[j];
		c->check.server_name = conf->tls.servername.text != NULL
					   ? conf->tls.servername.text
					   : c->check.place->host;
		good |= check_relay(&c->check) == 0;
	}
	return good;
}

static void
check_forward(struct stone_check *c, size_t i)
{
	/* what comes to lie between the two ends of a session: between these */
	static const struct check_step steps[] = {
	    {"agent", check_agent, NULL},
	    {"target", check_target, NULL},
	};
	char text[256];

	c->forward = &c->set->list[i];
	c->good[i] = check_way(c, i);
	if (!c->good[i])
		return;
	stone_endpoint_text(&c->forward->conf->listen, text, sizeof(text));
	c->session = NULL;
	check_run(&c->check, text, steps, sizeof(steps) / sizeof(*steps));
	if (c->session == NULL)
		return;
	channel_linger(&c->session->channel, deadline_in(LINGER_MS));
	channel_close(&c->session->channel);
}

static void
check_all(struct stone_check *c)
{
	c->check.program = "relay-stone";
	c->check.proxy = &c->set->proxy;
	if (stone_sandbox_enter(c->set) == -1 || stone_sandbox_session() == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	for (size_t i = 0; i < c->set->conf.nforwards; i++)
		check_forward(c, i);
}

/* Whether --json is among the words: they may be wrong before it comes. */
static int
has_json(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			return 1;
	return 0;
}

int
stone_check(int argc, char **argv, const struct proxy_environment *env)
{
	static struct stone_check c;
	struct failure f;
	const char *part, *name = "command line";

	c.check.report = check_report_new("relay-stone", has_json(argc, argv));
	if (c.check.report == NULL)
		program_fail(EX_OSERR, "set-up: %s", strerror(errno));
	/* the report says it all, and no log beside it */
	log_set_level(LOG_EMERG);
	c.set = forwards_read(argc, argv, env, &part, &f);
	if (c.set != NULL)
		first_word_options(
		    WORD_CHECK, c.set->conf.json, c.set->conf.textfile);
	if (c.set != NULL && c.set->conf.file != NULL)
		name = c.set->conf.file;
	if (c.set != NULL && c.set->conf.nforwards == 0) {
		failure(&f, "%s: no forward in it", name);
		part = "configuration";
	} else if (c.set != NULL) {
		part = NULL;
	}
	if (check_configuration(&c.check, name, part, &f) == 0)
		check_all(&c);
	forwards_free(c.set);
	return check_report_end(c.check.report);
}
