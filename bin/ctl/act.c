/* relayctl kick, drain, reload and log-level: see command.h. */
#include "base/log.h"
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/everywhere.h"
#include "ctl/show.h"

#include <stdio.h>

/* What became of it, for people. */
static void
print_done(const struct message_admin_done *done, const char *outcome)
{
	if (done->text[0] != '\0')
		printf("%s\n", done->text);
	else
		printf("%u %s\n", done->count, outcome);
}

/* ---- at all relays ---- */

struct deed {
	const struct ctl_call *call;
	const char *outcome;
	json_t *relays;
	unsigned done, failed; /* relays */
};

static void
note(void *arg, const char *relay, struct ctl_answer *answer, const char *why)
{
	struct deed *d = arg;

	if (answer != NULL && answer->done.failed)
		d->failed++;
	else if (answer != NULL)
		d->done++;
	if (d->call->options->json) {
		if (answer == NULL)
			ctl_json_all_add_failure(d->relays, relay, why);
		else
			ctl_json_all_add_done(
			    d->relays, relay, d->call->name, answer);
	} else if (answer != NULL) {
		printf("%s: ", relay);
		print_done(&answer->done, d->outcome);
	}
}

/* Whoever is to be kicked is at one of them, and nobody at the others. */
static int
act_at_all(const struct ctl_call *call, enum admin_command command,
    const char *argument, const char *outcome)
{
	struct deed d = {.call = call, .outcome = outcome};
	int status;

	if (call->options->json)
		d.relays = json_array();
	status = ctl_ask_all(call, command, argument, note, &d);
	if (call->options->json)
		ctl_json_all(stdout, d.relays);
	if (status != EX_OK)
		return status;
	return d.failed > 0 && (command != ADMIN_KICK || d.done == 0)
		   ? CTL_EXIT_FAILED
		   : EX_OK;
}

/* ---- here ---- */

/* Has the broker do something, and says what came of it. */
static int
act(const struct ctl_call *call, enum admin_command command,
    const char *outcome)
{
	const char *argument = *call->arguments == NULL ? "" : *call->arguments;
	struct ctl_answer answer;
	int failed;

	if (call->relays != NULL)
		return act_at_all(call, command, argument, outcome);
	answer = ctl_ask(call, command, argument);
	failed = answer.done.failed != 0;
	if (call->options->json)
		ctl_json_done(stdout, call->name, &answer);
	else if (failed)
		log_failure(answer.done.text);
	else
		print_done(&answer.done, outcome);
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
