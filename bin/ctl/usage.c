/*
 * relayctl usage: the ledger as a table, as JSON or as CSV. A customer's name
 * has no character that CSV would have to quote.
 */
#include "base/program.h"
#include "base/timestamp.h"
#include "ctl/command.h"
#include "ctl/ledger.h"
#include "ctl/show.h"
#include "ctl/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void
print_row(const struct ledger_row *row, void *context)
{
	(void)context;
	printf("%s  %-16s  %8" PRIu64 "  %6s  %6s\n", row->day, row->customer,
	    row->sessions, CTL_BYTES(row->up), CTL_BYTES(row->down));
}

static void
print_csv(const struct ledger_row *row, void *context)
{
	(void)context;
	printf("%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", row->day,
	    row->customer, row->sessions, row->up, row->down);
}

static void
add_json(const struct ledger_row *row, void *context)
{
	ctl_json_usage_add(context, row);
}

/* The day that it names; "", before all others, for NULL. */
static void
first_day(const char *since, char day[static LEDGER_DAY_SIZE])
{
	uint64_t when;

	*day = '\0';
	if (since == NULL)
		return;
	if (timestamp_parse(&when, since) == -1)
		program_fail(EX_USAGE,
		    "--since %s: not a date such as 2026-11-30", since);
	ledger_day((time_t)when, day);
}

static int
list(struct ledger *l, const struct ctl_options *o, const char *since,
    struct failure *f)
{
	json_t *rows;

	if (o->json) {
		rows = json_array();
		if (ledger_list(l, since, add_json, rows, f) == -1) {
			json_decref(rows);
			return -1;
		}
		return ctl_json_usage(stdout, rows) == -1
			   ? failure(f, "out of memory")
			   : 0;
	}
	if (o->csv) {
		printf("day,customer,sessions,up,down\n");
		return ledger_list(l, since, print_csv, NULL, f);
	}
	printf("%-10s  %-16s  %8s  %6s  %6s\n", "DAY", "CUSTOMER", "SESSIONS",
	    "UP", "DOWN");
	return ledger_list(l, since, print_row, NULL, f);
}

int
command_usage(const struct ctl_call *call)
{
	const struct ctl_options *o = call->options;
	char since[LEDGER_DAY_SIZE];
	struct failure f;
	struct ledger *l;
	int rc;

	first_day(o->since, since);
	l = ledger_open(o->file, 0, &f);
	if (l == NULL)
		program_fail(
		    EX_NOINPUT, "%s (relayctl account makes it)", f.text);
	rc = list(l, o, since, &f);
	ledger_close(l);
	if (rc == -1)
		program_fail(EX_IOERR, "%s", f.text);
	return EX_OK;
}
