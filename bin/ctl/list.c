/* relayctl status, agents, sessions, customers and recent: see command.h. */
#include "base/number.h"
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/everywhere.h"
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

/* ---- of all relays ---- */

struct listing {
	enum ctl_view view;
	size_t most;    /* of recent */
	json_t *relays; /* NULL: tables */
	unsigned shown;
	int rc;
};

static void
add(void *arg, const char *relay, struct ctl_answer *answer, const char *why)
{
	struct listing *l = arg;

	if (answer != NULL && l->view == CTL_RECENT)
		keep_newest(answer, l->most);
	if (l->relays != NULL) {
		l->rc |= answer == NULL
			     ? ctl_json_all_add_failure(l->relays, relay, why)
			     : ctl_json_all_add(
				   l->relays, relay, l->view, answer);
	} else if (answer != NULL) {
		printf("%s%s:\n", l->shown++ > 0 ? "\n" : "", relay);
		ctl_table(stdout, l->view, answer);
	}
}

static int
show_all(const struct ctl_call *call, enum ctl_view view, size_t most)
{
	struct listing l = {.view = view, .most = most};
	int status;

	if (call->options->json)
		l.relays = json_array();
	status = ctl_ask_all(call, ctl_view_command(view), "", add, &l);
	if (call->options->json)
		l.rc |= ctl_json_all(stdout, l.relays);
	return l.rc == 0 ? status : EX_OSERR;
}

/* ---- of the one here ---- */

static int
show(const struct ctl_call *call, enum ctl_view view)
{
	struct ctl_answer answer;

	if (call->relays != NULL)
		return show_all(call, view, 0);
	answer = ctl_ask(call, ctl_view_command(view), "");
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
	if (call->relays != NULL)
		return show_all(call, CTL_RECENT, (size_t)most);
	answer = ctl_ask(call, ADMIN_RECENT, "");
	keep_newest(&answer, (size_t)most);
	return print(call, CTL_RECENT, &answer);
}
