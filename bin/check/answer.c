/* What the relay says to a poll that is a check. See check.h. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/program.h"
#include "base/timestamp.h"
#include "check/check.h"
#include "check/names.h"
#include "config/entitlement.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEND_MS     10000
#define ANSWER_MS   30000 /* the relay may wait for its broker meanwhile */
#define DAY         86400LL
#define WARN_DAYS   14
#define CLOCK_OFF   60 /* seconds that a clock may be wrong */
#define ASK_THE_LOG "ask the relay's owner: the relay's log says why"

/* ---- identity ---- */

/* The alerts by which a relay refuses a certificate (RFC 8446 6.2). */
static const struct {
	const char *alert, *meaning, *advice;
} alerts[] = {
    {"unknown CA",
	"it does not know the authority that has issued our certificate",
	"use the certificate that this relay's owner has made; he may have "
	"changed authorities (his ca in relay.conf)"},
    {"certificate expired", "to it our certificate is not in its time",
	"see the lines on certificate and clock; have it renewed (relay-ca "
	"renew), or set the clock"},
    {"certificate revoked", "our certificate was revoked",
	"ask the relay's owner for a new certificate (relay-ca client)"},
    {"bad certificate",
	"our certificate is malformed, or its signature is "
	"wrong",
	"ask the relay's owner for a new certificate (relay-ca client)"},
    {"unsupported certificate", "our certificate is not one for clients",
	"ask the relay's owner for a client's certificate (relay-ca client)"},
    {"certificate required", "it got no certificate from us",
	"something on the way opens TLS and has taken it away: ask for an "
	"exception for this host"},
};

static void
say_alert(const char *alert, struct check_line *line)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++)
		if (strcmp(alerts[i].alert, alert) == 0) {
			check_fail(line, EX_NOPERM, alerts[i].advice,
			    "the relay refuses our certificate: %s (TLS "
			    "alert: %s)",
			    alerts[i].meaning, alert);
			return;
		}
	check_fail(line, EX_NOPERM, ASK_THE_LOG " (tls-refused)",
	    "the relay refuses us, TLS alert: %s", alert);
}

/* The number has a relay that knows no checks take it for a real poll. */
static int
send_poll(struct check *c)
{
	char text[NETADDR_HOST_MAX + 256];
	uint64_t agent = 0;
	int n;

	RAND_bytes((unsigned char *)&agent, sizeof(agent));
	n = snprintf(text, sizeof(text),
	    "GET /KLAB/poll HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "X-Ver: 2 %s/" VERSION "\r\n"
	    "X-Agent: %016" PRIx64 "\r\n"
	    "X-Check: 1\r\n"
	    "\r\n",
	    c->place->host, c->program, agent | 1);
	return channel_write_all(
	    &c->relay.channel, text, (size_t)n, deadline_in(SEND_MS));
}

/* Returns response_parse's answer, or 0 with errno (0: the end). */
static int
read_answer(struct check *c)
{
	const int64_t deadline = deadline_in(ANSWER_MS);
	char buf[RESPONSE_MAX_BYTES];
	size_t len = 0;
	int rc;

	while ((rc = response_parse(&c->response, buf, len)) == 0) {
		ssize_t n = channel_read_by(
		    &c->relay.channel, buf + len, sizeof(buf) - len, deadline);

		if (n == 0)
			errno = 0;
		if (n == 0 || (n == -1 && errno != EAGAIN))
			return 0;
		if (n > 0)
			len += (size_t)n;
	}
	return rc;
}

void
check_step_identity(struct check *c, struct check_line *line)
{
	const int rc = send_poll(c) == -1 ? 0 : read_answer(c);
	const char *alert = rc == 0 ? tls_peer_alert() : NULL;
	char subject[CHECK_NAME_MAX];

	check_name_of(X509_get_subject_name(c->tls->certificate), subject);
	if (alert != NULL)
		say_alert(alert, line);
	else if (rc == -1)
		check_fail(line, EX_PROTOCOL,
		    "see whether host and port are those of a relay",
		    "the answer is not HTTP: it is no relay");
	else if (rc == 0)
		check_fail(line, EX_UNAVAILABLE, ASK_THE_LOG,
		    "no answer to the poll: %s",
		    errno != 0 ? strerror(errno)
			       : "the relay closed the connection");
	else
		check_ok(line, "the relay accepts %s", subject);
}

/* ---- poll ---- */

static const char *
advice_for(int status)
{
	switch (status) {
	case 403:
		return "ask the relay's owner: what he grants is in his file "
		       "customers(5)";
	case 429:
		return "end what is not needed, or ask the relay's owner for "
		       "more (customers(5))";
	case 503:
		return "try again in a few seconds; if it stays, tell the "
		       "relay's owner";
	default:
		return "tell the relay's owner; relay and client may be of "
		       "different versions";
	}
}

static void
say_entitlement(
    struct check *c, const struct customer *k, struct check_line *line)
{
	const int64_t left = (int64_t)k->expire - time(NULL);
	char until[WHEN_TEXT_SIZE];

	timestamp_format(k->expire, until);
	if ((c->wants & ~k->type) != 0)
		check_warn(line, advice_for(403),
		    "the customer may not do this (%s): its type is %s",
		    c->wants == CUSTOMER_WEB ? "web" : "forward",
		    customer_type_word(k->type));
	else if (left < WARN_DAYS * DAY)
		check_warn(line, advice_for(403),
		    "the customer's time ends in %lld days, at %s",
		    (long long)left / DAY, until);
	else
		check_ok(line, "%u sessions at a time, type %s, until %s%s",
		    k->nusers, customer_type_word(k->type), until,
		    *c->response.check == '\0'
			? " (the relay knows no checks: this was a real poll)"
			: "");
}

void
check_step_poll(struct check *c, struct check_line *line)
{
	const struct response *r = &c->response;
	struct customer customer;
	struct failure f;
	uint8_t *der = NULL;
	int len;

	if (r->status == 200 && *r->customer == '\0') {
		check_fail(line, EX_PROTOCOL,
		    "see whether host and port are those of a relay",
		    "what answers is a web server, not a relay");
		return;
	}
	if (r->status != 200) {
		check_fail(line, r->status == 503 ? EX_TEMPFAIL : EX_NOPERM,
		    r->explained ? advice_for(r->status)
				 : "see whether host and port are those of a "
				   "relay",
		    r->explained ? "the relay refuses: %d %s"
				 : "what answers is a web server, not a relay: "
				   "%d %s",
		    r->status, r->reason);
		return;
	}
	len = i2d_X509(c->tls->certificate, &der);
	if (len <= 0 ||
	    customer_parse(&customer, r->customer, der, (size_t)len, &f) == -1)
		check_warn(line, ASK_THE_LOG,
		    "what the relay grants is not about this certificate: %s",
		    len <= 0 ? "no DER" : f.text);
	else
		say_entitlement(c, &customer, line);
	OPENSSL_free(der);
}

/* ---- clock ---- */

int
check_has_date(const struct check *c)
{
	return *c->response.date != '\0';
}

void
check_step_clock(struct check *c, struct check_line *line)
{
	struct tm tm = {0};
	const char *end = strptime(
	    c->response.date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	long long off, shown;

	if (end == NULL || *end != '\0') {
		check_warn(line, ASK_THE_LOG,
		    "the relay's date is malformed: %s", c->response.date);
		return;
	}
	off = (long long)(time(NULL) - timegm(&tm));
	shown = llabs(off);
	if (shown <= CLOCK_OFF)
		check_ok(line, "as the relay's, within a minute");
	else
		check_warn(line,
		    "set the clock of this host (timedatectl, chrony), or tell "
		    "the relay's owner: certificates are valid by the clock",
		    "this host's clock is %lld %s %s the relay's",
		    shown < 2 * DAY ? shown : shown / DAY,
		    shown < 2 * DAY ? "seconds" : "days",
		    off > 0 ? "ahead of" : "behind");
}
