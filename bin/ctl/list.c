/* relayctl status, agents, sessions, customers and recent: see command.h. */
#include "base/number.h"
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

#define RECENT_MOST 256 /* the broker remembers no more */

/* Frees the answer. */
static int
print(
    const struct ctl_call *call, enum ctl_view view, struct ctl_answer *answer)
{
	int rc = 0;

	if (call->options->json)
		rc = ctl_json(stdout, view, answer);
	else
		ctl_table(stdout, view, answer);
	ctl_free(answer);
	return rc == 0 ? EX_OK : EX_OSERR;
}

static int
show(const struct ctl_call *call, enum ctl_view view)
{
	struct ctl_answer answer = ctl_ask(call, ctl_view_command(view), "");

	return print(call, view, &answer);
}

int
command_status(const struct ctl_call *call)
{
	return show(call, CTL_STATUS);
}

int
command_agents(const struct ctl_call *call)
{
	return show(call, CTL_AGENTS);
}

int
command_sessions(const struct ctl_call *call)
{
	return show(call, CTL_SESSIONS);
}

int
command_customers(const struct ctl_call *call)
{
	return show(call, CTL_CUSTOMERS);
}

/* Leaves the newest, in the order of time; they came the newest first. */
static void
keep_newest(struct ctl_answer *answer, size_t most)
{
	struct message *rows = answer->rows, row;

	if (answer->nrows > most)
		answer->nrows = most;
	for (size_t i = 0, j = answer->nrows; i + 1 < j; i++) {
		row = rows[i];
		rows[i] = rows[--j];
		rows[j] = row;
	}
}

int
command_recent(const struct ctl_call *call)
{
	struct ctl_answer answer;
	int64_t most = RECENT_MOST;

	if (*call->arguments != NULL)
		most = number_parse(*call->arguments, 1, RECENT_MOST);
	if (most == -1)
		program_fail(EX_USAGE, "recent %s: not 1 to %d",
		    *call->arguments, RECENT_MOST);
	answer = ctl_ask(call, ADMIN_RECENT, "");
	keep_newest(&answer, (size_t)most);
	return print(call, CTL_RECENT, &answer);
}
