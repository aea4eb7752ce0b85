/* relayctl kick, drain, reload and log-level: see command.h. */
#include "base/log.h"
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/show.h"

#include <stdio.h>

/* Has the broker do something, and says what came of it. */
static int
act(const struct ctl_call *call, enum admin_command command,
    const char *outcome)
{
	const char *argument = *call->arguments == NULL ? "" : *call->arguments;
	struct ctl_answer answer = ctl_ask(call, command, argument);
	int failed = answer.done.failed != 0;

	if (call->options->json)
		ctl_json_done(stdout, call->name, &answer);
	else if (failed)
		log_failure(answer.done.text);
	else if (answer.done.text[0] != '\0')
		printf("%s\n", answer.done.text);
	else
		printf("%u %s\n", answer.done.count, outcome);
	ctl_free(&answer);
	return failed ? CTL_EXIT_FAILED : EX_OK;
}

int
command_kick(const struct ctl_call *call)
{
	return act(call, ADMIN_KICK, "ended");
}

int
command_drain(const struct ctl_call *call)
{
	return act(call, ADMIN_DRAIN, "sessions still live");
}

int
command_reload(const struct ctl_call *call)
{
	return act(call, ADMIN_RELOAD, "checked");
}

int
command_log_level(const struct ctl_call *call)
{
	if (log_level_parse(*call->arguments) == -1)
		program_fail(EX_USAGE,
		    "log-level %s: not debug, info, notice, warning or err",
		    *call->arguments);
	return act(call, ADMIN_LOG_LEVEL, "handlers told");
}
