/* relayctl account: what the broker has counted, into the ledger. */
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int
add_all(struct ledger *l, const struct ctl_answer *customers, struct failure *f)
{
	for (size_t i = 0; i < customers->nrows; i++)
		if (ledger_add(l, &customers->rows[i].u.customer, f) == -1)
			return -1;
	return 0;
}

/*
 * Both answers come by one connection, from one broker. Where it does not
 * answer the process ends, and nothing was added.
 */
static int
account(struct ledger *l, const struct ctl_call *call, struct failure *f)
{
	struct ctl_answer status, customers;
	char socket[PATH_MAX];
	time_t now;
	int rc;

	if (realpath(call->socket, socket) == NULL)
		return failure(f, "%s: %s", call->socket, strerror(errno));
	if (ledger_begin(l, f) == -1)
		return -1;
	status = ctl_ask(call, ADMIN_STATUS, "");
	customers = ctl_ask(call, ADMIN_CUSTOMERS, "");
	now = time(NULL);
	rc = ledger_broker(l, status.rows[0].u.status.instance, socket,
	    now - (time_t)status.rows[0].u.status.uptime, now, f);
	if (rc == 0)
		fprintf(stderr,
		    "relayctl: this broker began before today: what it has "
		    "counted so far is of no known day, and left out\n");
	if (rc != -1)
		rc = add_all(l, &customers, f);
	ctl_free(&status);
	ctl_free(&customers);
	return rc == -1 ? -1 : ledger_commit(l, f);
}

int
command_account(const struct ctl_call *call)
{
	struct failure f;
	struct ledger *l = ledger_open(call->options->file, 1, &f);
	int rc;

	if (l == NULL)
		program_fail(EX_CANTCREAT, "%s", f.text);
	rc = account(l, call, &f);
	ledger_close(l);
	if (rc == -1)
		program_fail(EX_IOERR, "%s", f.text);
	return EX_OK;
}
