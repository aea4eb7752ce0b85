/*
 * relayctl metrics: the broker's counters as Prometheus text, version 0.0.4. A
 * customer's name has no character that a label would have to escape.
 */
#include "base/program.h"
#include "base/textfile.h"
#include "ctl/command.h"
#include "ctl/ends.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metric {
	const char *name, *type, *help;
	size_t offset; /* in its row */
	size_t size;   /* of the number there */
	int is_truth;  /* 1 for any number but 0 */
};

#define IN(row, field)                                                         \
	offsetof(struct row, field), sizeof(((struct row *)0)->field), 0

/* Whether it is there, of a field that is a process or 0. */
#define THERE(row, field)                                                      \
	offsetof(struct row, field), sizeof(((struct row *)0)->field), 1

static const struct metric of_relay[] = {
    {"uptime_seconds", "gauge", "Age of the broker.", IN(row_status, uptime)},
    {"draining", "gauge", "1 while the relay drains.",
	IN(row_status, draining)},
    {"spawners", "gauge", "relay-listen processes attached.",
	IN(row_status, spawners)},
    {"parked_agents", "gauge", "Agents without a process.",
	IN(row_status, parked)},
    {"parked_total", "counter", "Agents that were parked.",
	IN(row_status, parked_total)},
    {"woken_total", "counter", "Parked agents that were woken.",
	IN(row_status, woken_total)},
    {"wake_failures_total", "counter", "Those that did not come in time.",
	IN(row_status, wake_failures_total)},
    {"files", "gauge", "Open files of the broker.", IN(row_status, files)},
    {"files_max", "gauge", "Its limit of open files.",
	IN(row_status, files_max)},
    {"sealed_sessions", "gauge", "Live sessions that are sealed.",
	IN(row_status, sealed)},
    {"bare_sessions", "gauge", "Of these, those without the relay's TLS.",
	IN(row_status, bare)},
    {"sealed_sessions_total", "counter", "Sessions that were sealed.",
	IN(row_status, sealed_total)},
    {"bare_sessions_total", "counter", "Sessions that left the relay's TLS.",
	IN(row_status, bare_total)},
    {"kicked_total", "counter", "Connections that were made to end.",
	IN(row_status, kicked_total)},
    {"peer_attached", "gauge", "1 while relay-peer is attached.",
	THERE(row_status, peer)},
    {"reach_total", "counter", "Stones sought an agent at other relays.",
	IN(row_status, reach_total)},
    {"crossing_out_total", "counter",
	"Sessions whose agent is at another relay.",
	IN(row_status, crossing_out_total)},
    {"crossing_in_total", "counter",
	"Sessions whose stone is at another relay.",
	IN(row_status, crossing_in_total)},
    {"store_up", "gauge", "1 while relay-presence has its store.",
	IN(row_status, store_up)},
    {"published", "gauge", "Customers with agents here, told to the store.",
	IN(row_status, published)},
    {"lookups_total", "counter", "Questions to the store.",
	IN(row_status, lookups_total)},
    {"lookup_failures_total", "counter", "Of these, without an answer.",
	IN(row_status, lookup_failures_total)},
    {"reloads_total", "counter", "Reloads of the files.",
	IN(row_status, reloads_total)},
    {"reload_failures_total", "counter", "Reloads that met an error.",
	IN(row_status, reload_failures_total)},
};

static const struct metric of_customer[] = {
    {"agents", "gauge", "Agents that wait.", IN(row_customer, agents)},
    {"stones", "gauge", "Stones that wait.", IN(row_customer, stones)},
    {"sessions", "gauge", "Live sessions.", IN(row_customer, sessions)},
    {"nusers", "gauge", "Sessions that may live at once.",
	IN(row_customer, nusers)},
    {"expire_timestamp_seconds", "gauge",
	"Unix time at which the customer ends.", IN(row_customer, expire)},
    {"sessions_total", "counter", "Sessions begun.",
	IN(row_customer, sessions_total)},
    {"refused_total", "counter", "Connections refused by a limit.",
	IN(row_customer, refused_total)},
    {"up_bytes_total", "counter", "Bytes from stones to agents.",
	IN(row_customer, up_total)},
    {"down_bytes_total", "counter", "Bytes from agents to stones.",
	IN(row_customer, down_total)},
};

static uint64_t
value(const struct metric *m, const void *row)
{
	uint64_t wide;
	uint32_t narrow;

	if (m->size == sizeof(narrow)) {
		memcpy(&narrow, (const char *)row + m->offset, sizeof(narrow));
		return m->is_truth ? narrow != 0 : narrow;
	}
	memcpy(&wide, (const char *)row + m->offset, sizeof(wide));
	return wide;
}

static void
heading(FILE *out, const char *prefix, const struct metric *m)
{
	fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, m->name,
	    m->help, prefix, m->name, m->type);
}

static void
print_tls_refused(FILE *out, const char *prefix,
    const uint64_t count[static REFUSAL_TLS_KINDS])
{
	static const struct metric m = {.name = "tls_refused_total",
	    .type = "counter",
	    .help = "Handshakes that came to nothing."};

	heading(out, prefix, &m);
	for (unsigned i = 0; i < REFUSAL_TLS_KINDS; i++)
		fprintf(out, "%s%s{reason=\"%s\"} %" PRIu64 "\n", prefix,
		    m.name, refusal_word(i + 1), count[i]);
}

static void
print_all(FILE *out, const struct ctl_answer *status,
    const struct ctl_answer *customers)
{
	static const char relay[] = "vpn_warp_relay_";
	static const char customer[] = "vpn_warp_customer_";

	for (size_t i = 0; i < sizeof(of_relay) / sizeof(*of_relay); i++) {
		heading(out, relay, &of_relay[i]);
		fprintf(out, "%s%s %" PRIu64 "\n", relay, of_relay[i].name,
		    value(&of_relay[i], &status->rows[0].u));
	}
	print_tls_refused(out, relay, status->rows[0].u.status.tls_refused);
	for (size_t i = 0; i < sizeof(of_customer) / sizeof(*of_customer);
	     i++) {
		heading(out, customer, &of_customer[i]);
		for (size_t j = 0; j < customers->nrows; j++)
			fprintf(out, "%s%s{customer=\"%s\"} %" PRIu64 "\n",
			    customer, of_customer[i].name,
			    customers->rows[j].u.customer.name,
			    value(&of_customer[i], &customers->rows[j].u));
	}
}

/* When the relay's files end; nothing of those that cannot be read. */
static void
print_ends(FILE *out, const char *conf_path)
{
	static const char prefix[] = "vpn_warp_relay_";
	static const struct metric of_files[] = {
	    {.name = "certificate_expire_timestamp_seconds",
		.type = "gauge",
		.help = "Unix time at which the relay's certificate ends.",
		.offset = offsetof(struct ends, certificate)},
	    {.name = "ca_expire_timestamp_seconds",
		.type = "gauge",
		.help = "Unix time at which the first authority ends.",
		.offset = offsetof(struct ends, ca)},
	    {.name = "crl_expire_timestamp_seconds",
		.type = "gauge",
		.help = "Unix time at which the list of revoked ones ends.",
		.offset = offsetof(struct ends, crl)},
	};
	struct relay_conf conf;
	struct failure f;
	struct ends ends;
	time_t end;

	if (relay_conf_read(&conf, conf_path, &f) == -1)
		return;
	if (ends_read(&ends, &conf, &f) == 0)
		for (size_t i = 0; i < sizeof(of_files) / sizeof(*of_files);
		     i++) {
			memcpy(&end, (const char *)&ends + of_files[i].offset,
			    sizeof(end));
			if (end == 0)
				continue;
			heading(out, prefix, &of_files[i]);
			fprintf(out, "%s%s %" PRId64 "\n", prefix,
			    of_files[i].name, (int64_t)end);
		}
	relay_conf_free(&conf);
}

void
ctl_metrics(FILE *out, const struct ctl_call *call)
{
	struct ctl_answer status = ctl_ask(call, ADMIN_STATUS, "");
	struct ctl_answer customers = ctl_ask(call, ADMIN_CUSTOMERS, "");

	print_all(out, &status, &customers);
	print_ends(out, call->options->conf);
	ctl_free(&status);
	ctl_free(&customers);
}

int
command_metrics(const struct ctl_call *call)
{
	struct textfile file;
	struct failure f;
	char *text = NULL;
	size_t len = 0;
	FILE *whole = open_memstream(&text, &len);

	if (whole == NULL)
		program_fail(EX_OSERR, "out of memory");
	/* first, since a broker that goes away meanwhile ends us */
	ctl_metrics(whole, call);
	if (fclose(whole) == EOF)
		program_fail(EX_OSERR, "out of memory");
	if (textfile_open(&file, call->options->textfile, &f) == -1)
		program_fail(EX_CANTCREAT, "%s", f.text);
	(void)fwrite(text, 1, len, file.out); /* told by its close */
	free(text);
	if (textfile_close(&file, &f) == -1)
		program_fail(EX_IOERR, "%s", f.text);
	return EX_OK;
}
