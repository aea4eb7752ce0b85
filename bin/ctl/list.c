/* relayctl status, agents, sessions and customers: see command.h. */
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

static int
show(const struct ctl_call *call, enum ctl_view view)
{
	struct ctl_answer answer = ctl_ask(call, ctl_view_command(view), "");
	int rc = 0;

	if (call->options->json)
		rc = ctl_json(stdout, view, &answer);
	else
		ctl_table(stdout, view, &answer);
	ctl_free(&answer);
	return rc == 0 ? EX_OK : EX_OSERR;
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
