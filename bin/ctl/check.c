/*
 * relayctl check: whether this relay is set up so that clients get through,
 * for as long as possible. What needs more than reading files comes before the
 * sandbox.
 */
#include "ctl/check.h"
#include "base/program.h"
#include "base/timestamp.h"
#include "ctl/command.h"
#include "ctl/ends.h"
#include "ctl/sandbox.h"
#include "ctl/show.h"
#include "ctl/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY       86400
#define WARN_DAYS 14

void
check_add(struct check *check, enum check_state state, const char *what,
    const char *format, ...)
{
	struct check_line *line;
	va_list ap;

	if (check->n == CHECK_LINES)
		return;
	line = &check->lines[check->n++];
	line->state = state;
	line->what = what;
	va_start(ap, format);
	vsnprintf(line->text, sizeof(line->text), format, ap);
	va_end(ap);
}

/* ---- the files ---- */

static void
check_end(struct check *check, const char *what, time_t end, int is_bad,
    const char *help)
{
	const time_t now = time(NULL);
	char text[WHEN_TEXT_SIZE];

	if (end == 0)
		return;
	timestamp_format((uint64_t)end, text);
	if (end <= now)
		check_add(check, is_bad ? CHECK_BAD : CHECK_WARNING, what,
		    "ended %s: %s", text, help);
	else if (end - now < (time_t)WARN_DAYS * DAY)
		check_add(check, CHECK_WARNING, what, "ends %s, in %d days: %s",
		    text, (int)((end - now) / DAY), help);
	else
		check_add(check, CHECK_GOOD, what, "good until %s", text);
}

static void
check_files(struct check *check, const struct relay_conf *conf)
{
	struct failure f;
	struct ends ends;

	if (ends_read(&ends, conf, &f) == -1) {
		check_add(check, CHECK_BAD, "files", "%s", f.text);
		return;
	}
	check_end(check, "certificate", ends.certificate, 1,
	    "make another with relay-ca server, and relayctl reload");
	check_end(check, "authority", ends.ca, 1,
	    "make another, and add it to the ca file");
	check_end(check, "crl", ends.crl, conf->crl_expired != CRL_EXPIRED_WARN,
	    "make it anew with relay-ca crl, and install it");
	if (conf->crl == NULL)
		check_add(check, CHECK_WARNING, "crl",
		    "none is configured: nobody can be revoked");
}

/* ---- the broker ---- */

/* What all customers together may have. */
static void
sum_customers(
    const struct ctl_answer *customers, uint64_t *agents, uint64_t *sessions)
{
	*agents = *sessions = 0;
	for (size_t i = 0; i < customers->nrows; i++) {
		const struct row_customer *c = &customers->rows[i].u.customer;

		if (!c->present || !c->allow)
			continue;
		*agents += c->max_agents;
		*sessions += c->nusers;
	}
}

static void
check_broker(struct check *check, const struct ctl_call *call,
    const struct relay_conf *conf)
{
	struct ctl_answer status, customers;
	const struct row_status *s;
	uint64_t agents, sessions;

	if (call->sock == -1) {
		check_add(check, CHECK_BAD, "broker",
		    "%s: %s: is relay-broker "
		    "running?",
		    conf->socket, strerror(call->error));
		return;
	}
	status = ctl_ask(call, ADMIN_STATUS, "");
	customers = ctl_ask(call, ADMIN_CUSTOMERS, "");
	s = &status.rows[0].u.status;
	check_add(check, s->draining ? CHECK_WARNING : CHECK_GOOD, "broker",
	    "%s, up %s%s", s->version, CTL_AGE(s->uptime),
	    s->draining ? ": it drains, and takes no session" : "");
	if (conf->nlisten > 0 && s->spawners == 0)
		check_add(check, CHECK_BAD, "spawner",
		    "no relay-listen is attached: is it running, as the same "
		    "user and with the same socket?");
	sum_customers(&customers, &agents, &sessions);
	check_limits(
	    check, s->pid, s->spawners > 0 ? s->spawner : 0, agents, sessions);
	ctl_free(&status);
	ctl_free(&customers);
}

/* ---- the whole ---- */

const char *
check_word(enum check_state state)
{
	static const char *const words[] = {"ok", "warning", "bad"};

	return words[state];
}

void
check_print(FILE *out, const struct check *check)
{
	for (size_t i = 0; i < check->n; i++)
		fprintf(out, "%-7s  %-11s  %s\n",
		    check_word(check->lines[i].state), check->lines[i].what,
		    check->lines[i].text);
}

void
check_all(struct check *check, const struct ctl_call *call,
    const struct relay_conf *conf)
{
	check_ports(check, conf);
	check_clock(check);
	check_sandbox(check);
	if (ctl_sandbox_enter() == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	check_backlog(check);
	check_broker(check, call, conf);
	check_files(check, conf);
}

int
command_check(const struct ctl_call *call)
{
	static struct check check;
	struct relay_conf conf;
	struct failure f;
	int bad = 0, rc = 0;

	if (relay_conf_read(&conf, call->options->conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	check_all(&check, call, &conf);
	relay_conf_free(&conf);
	for (size_t i = 0; i < check.n; i++)
		bad |= check.lines[i].state == CHECK_BAD;
	if (call->options->json)
		rc = ctl_json_check(stdout, &check);
	else
		check_print(stdout, &check);
	if (rc == -1)
		return EX_OSERR;
	return bad ? CTL_EXIT_FAILED : EX_OK;
}
