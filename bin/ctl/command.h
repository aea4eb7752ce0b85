/*
 * relayctl's commands. Each asks the broker, prints what came of it, and
 * returns the exit status; a file has one, or those that are alike.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "ctl/request.h"

#include <stdio.h>

#define CTL_EXIT_FAILED 1 /* the broker could not do it */

struct ctl_relays;

struct ctl_options {
	const char *conf;
	const char *socket;   /* NULL: the configuration's */
	const char *textfile; /* of metrics; NULL: standard output */
	const char *file;     /* of account and usage */
	const char *since;    /* of usage; NULL: all */
	int all;              /* relays, and not only this one */
	int json;
	int csv; /* of usage */
};

struct ctl_call {
	const struct ctl_options *options;
	const char *name; /* of the command */
	char **arguments; /* NULL behind the last; as many as it takes */
	int sock;  /* to the broker; -1: none is there, or none was asked */
	int error; /* errno of that */
	const char *socket;              /* its path */
	const struct ctl_relays *relays; /* NULL: the broker here alone */
};

/*
 * ctl_request, but where that fails the process ends and says why. ctl_free
 * gives the answer back.
 */
struct ctl_answer ctl_ask(const struct ctl_call *call,
    enum admin_command command, const char *argument);

/* Says why the broker did not answer, with errno as ctl_request sets it. */
_Noreturn void ctl_fail(const struct failure *f);

/* ---- list.c ---- */

int command_status(const struct ctl_call *call);
int command_agents(const struct ctl_call *call);
int command_sessions(const struct ctl_call *call);
int command_customers(const struct ctl_call *call);
int command_recent(const struct ctl_call *call);

/* ---- act.c ---- */

int command_kick(const struct ctl_call *call);
int command_drain(const struct ctl_call *call);
int command_reload(const struct ctl_call *call);
int command_log_level(const struct ctl_call *call);

/* ---- a file each, of its name ---- */

int command_customer(const struct ctl_call *call);
int command_watch(const struct ctl_call *call);
int command_metrics(const struct ctl_call *call);
int command_why(const struct ctl_call *call);
int command_check(const struct ctl_call *call);
int command_account(const struct ctl_call *call);
int command_usage(const struct ctl_call *call);
int command_diag(const struct ctl_call *call);

/* metrics.c: the metrics as text, to out. */
void ctl_metrics(FILE *out, const struct ctl_call *call);

#endif
