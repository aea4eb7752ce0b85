/* Answers as tables for people: see show.h. */
#include "base/log.h"
#include "base/timestamp.h"
#include "ctl/show.h"
#include "ctl/units.h"

#include <inttypes.h>
#include <string.h>

#define SHORT_FINGERPRINT 16 /* hex digits; --json has them all */
#define PLACE_SIZE        (NETADDR_TEXT_MAX + NODE_NAME_SIZE)

static uint64_t
sum(const uint64_t count[static REFUSAL_TLS_KINDS])
{
	uint64_t all = 0;

	for (size_t i = 0; i < REFUSAL_TLS_KINDS; i++)
		all += count[i];
	return all;
}

static void
print_status(FILE *out, const struct row_status *s)
{
	fprintf(out,
	    "broker     %s, pid %" PRIu32 ", up %s%s\n"
	    "agents     %" PRIu64 " waiting\n"
	    "stones     %" PRIu64 " waiting\n"
	    "sessions   %" PRIu64 " live, %" PRIu64 " since the start\n"
	    "sealed     %" PRIu64 " live, %" PRIu64 " since the start\n"
	    "bare       %" PRIu64 " live, %" PRIu64 " since the start\n"
	    "refused    %" PRIu64 ", and %" PRIu64 " in the handshake\n"
	    "kicked     %" PRIu64 "\n"
	    "reloads    %" PRIu64 ", %" PRIu64 " with errors\n"
	    "spawners   %" PRIu32 "\n"
	    "parked     %" PRIu64 " of the agents, %" PRIu64
	    " since the start, %" PRIu64 " woken, %" PRIu64 " in vain\n"
	    "files      %" PRIu64 " of %" PRIu64 "\n"
	    "log level  %s\n",
	    s->version, s->pid, CTL_AGE(s->uptime),
	    s->draining ? ", draining" : "", s->agents, s->stones, s->sessions,
	    s->sessions_total, s->sealed, s->sealed_total, s->bare,
	    s->bare_total, s->refused_total, sum(s->tls_refused),
	    s->kicked_total, s->reloads_total, s->reload_failures_total,
	    s->spawners, s->parked, s->parked_total, s->woken_total,
	    s->wake_failures_total, s->files, s->files_max,
	    log_level_word((int)s->log_level));
}

/* Only where there are other relays. */
static void
print_crossings(FILE *out, const struct row_status *s)
{
	if (s->peer != 0 || s->reach_total != 0 || s->crossing_in_total != 0)
		fprintf(out,
		    "relays     relay-peer %s, %" PRIu64 " stones sought, "
		    "%" PRIu64 " sessions out, %" PRIu64 " in\n",
		    s->peer != 0 ? "attached" : "away", s->reach_total,
		    s->crossing_out_total, s->crossing_in_total);
	if (s->presence != 0)
		fprintf(out,
		    "store      %s, %" PRIu64 " customers here told, %" PRIu64
		    " lookups, %" PRIu64 " failed\n",
		    s->store_up ? "up" : "away", s->published, s->lookups_total,
		    s->lookup_failures_total);
}

/* A peer that an earlier broker knew may be missing for a moment. */
static const char *
or_dash(const char *text)
{
	return *text == '\0' ? "-" : text;
}

static void
print_waiter(FILE *out, const struct row_waiter *w)
{
	char hex[IDENTITY_HEX_SIZE];

	identity_hex(&w->identity, hex);
	fprintf(out,
	    "%s  %-16s  %-22s  %7s  %.*s  %7s  %4" PRIu32 "  %-6s  %s\n",
	    LOG_ID(w->id), w->customer, or_dash(w->peer), CTL_AGE(w->seconds),
	    SHORT_FINGERPRINT, hex, CTL_RTT(w->rtt), w->retransmits,
	    waiter_parked_word(w->parked), or_dash(w->version));
}

/* An address, and at what other relay that is. */
static const char *
place(const char *peer, const char *node, char text[static PLACE_SIZE])
{
	if (*node == '\0')
		return or_dash(peer);
	snprintf(text, PLACE_SIZE, "%s@%s", peer, node);
	return text;
}

static void
print_session(FILE *out, const struct row_session *s)
{
	char stone[PLACE_SIZE], agent[PLACE_SIZE];

	fprintf(out,
	    "%s  %-16s  %-22s  %-22s  %7s  %6s  %6s  %9s  %-6s  %7s  %7s  "
	    "%4" PRIu32 "  %s\n",
	    LOG_ID(s->id), s->customer, place(s->stone, s->stone_node, stone),
	    place(s->agent, s->agent_node, agent), CTL_AGE(s->seconds),
	    CTL_BYTES(s->up), CTL_BYTES(s->down),
	    CTL_RATE(s->up + s->down, (double)s->seconds),
	    session_tls_word(s->tls), CTL_RTT(s->stone_rtt),
	    CTL_RTT(s->agent_rtt), s->stone_retransmits + s->agent_retransmits,
	    or_dash(s->version));
}

static void
print_customer(FILE *out, const struct row_customer *c)
{
	char expire[WHEN_TEXT_SIZE], of[CTL_UNIT_SIZE];

	/* of one that has left the table nothing is known */
	if (c->present)
		timestamp_format(c->expire, expire);
	else
		strcpy(expire, "-");
	snprintf(
	    of, sizeof(of), "%" PRIu32 "/%" PRIu32, c->sessions, c->nusers);
	fprintf(out,
	    "%-16s  %-5s  %-7s  %9s  %6" PRIu32 "  %8" PRIu64 "  %7" PRIu64
	    "  %6s  %6s  %s\n",
	    c->name,
	    !c->present ? "gone"
	    : c->allow  ? "yes"
			: "no",
	    c->present ? customer_type_word(c->type) : "-", of, c->agents,
	    c->sessions_total, c->refused_total, CTL_BYTES(c->up_total),
	    CTL_BYTES(c->down_total), expire);
}

/* What the client was told, or how far it came. */
static const char *
told(const struct row_refusal *r, char text[static CTL_UNIT_SIZE])
{
	if (r->kind <= REFUSAL_TLS_KINDS)
		return "tls";
	if (r->kind == REFUSAL_SESSION)
		return "session";
	snprintf(text, CTL_UNIT_SIZE, "%" PRIu32, r->status);
	return text;
}

static void
print_refusal(FILE *out, const struct row_refusal *r)
{
	static const struct identity unknown;
	char when[WHEN_TEXT_SIZE], status[CTL_UNIT_SIZE];
	char hex[IDENTITY_HEX_SIZE] = "-";

	timestamp_format(r->when, when);
	if (memcmp(&r->identity, &unknown, sizeof(unknown)) != 0)
		identity_hex(&r->identity, hex);
	fprintf(out, "%s  %5" PRIu32 "  %-22s  %-16s  %-*.*s  %-7s  %s\n", when,
	    r->times, or_dash(r->peer), or_dash(r->customer), SHORT_FINGERPRINT,
	    SHORT_FINGERPRINT, hex, told(r, status), r->reason);
}

static void
print_heading(FILE *out, enum ctl_view view)
{
	switch (view) {
	case CTL_STATUS:
		break;
	case CTL_AGENTS:
		fprintf(out,
		    "%-8s  %-16s  %-22s  %7s  %-*s  %7s  %4s  %-6s  %s\n", "ID",
		    "CUSTOMER", "PEER", "WAITS", SHORT_FINGERPRINT,
		    "CERTIFICATE", "RTT", "LOST", "STATE", "VERSION");
		break;
	case CTL_SESSIONS:
		fprintf(out,
		    "%-8s  %-16s  %-22s  %-22s  %7s  %6s  %6s  %9s  %-6s  %7s  "
		    "%7s  "
		    "%4s  %s\n",
		    "ID", "CUSTOMER", "STONE", "AGENT", "AGE", "UP", "DOWN",
		    "RATE", "SEAL", "RTT", "AGENT'S", "LOST", "VERSION");
		break;
	case CTL_CUSTOMERS:
		fprintf(out,
		    "%-16s  %-5s  %-7s  %9s  %6s  %8s  %7s  %6s  %6s  %s\n",
		    "CUSTOMER", "ALLOW", "TYPE", "SESSIONS", "AGENTS", "TOTAL",
		    "REFUSED", "UP", "DOWN", "EXPIRE");
		break;
	case CTL_RECENT:
		fprintf(out, "%-20s  %5s  %-22s  %-16s  %-*s  %-7s  %s\n",
		    "WHEN", "TIMES", "PEER", "CUSTOMER", SHORT_FINGERPRINT,
		    "CERTIFICATE", "TOLD", "REASON");
		break;
	}
}

void
ctl_table(FILE *out, enum ctl_view view, const struct ctl_answer *answer)
{
	print_heading(out, view);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct message *m = &answer->rows[i];

		if (!ctl_view_has(view, m))
			continue;
		switch (view) {
		case CTL_STATUS:
			print_status(out, &m->u.status),
			    print_crossings(out, &m->u.status);
			break;
		case CTL_AGENTS:
			print_waiter(out, &m->u.waiter);
			break;
		case CTL_SESSIONS:
			print_session(out, &m->u.session);
			break;
		case CTL_CUSTOMERS:
			print_customer(out, &m->u.customer);
			break;
		case CTL_RECENT:
			print_refusal(out, &m->u.row_refusal);
			break;
		}
	}
}
