/* "relayagent check": see check.h. */
#include "agent/check.h"
#include "agent/sandbox.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "check/check.h"
#include "config/entitlement.h"
#include "status/first_word.h"

#include <errno.h>
#include <string.h>

#define TARGET_MS 10000

struct agent_check {
	struct check check;
	struct agent_conf conf;
	const struct target *target; /* that has its turn */
};

static void
check_target(struct check *check, struct check_line *line)
{
	struct agent_check *c = CONTAINER_OF(check, struct agent_check, check);
	struct failure f;
	int fd = target_dial(c->target, deadline_in(TARGET_MS), &f);

	if (fd != -1)
		check_ok(line, "reached");
	else
		check_fail(line, EX_UNAVAILABLE,
		    "see whether the service runs, whether this host reaches "
		    "it, and whether it is the target that is meant",
		    "not reached: %s", f.text);
	fd_close(&fd);
}

static void
check_targets(struct agent_check *c)
{
	static const struct check_step step = {"target", check_target, NULL};

	for (size_t i = 0; i < c->conf.ntargets; i++) {
		c->target = &c->conf.targets[i];
		check_run(&c->check, c->target->text, &step, 1);
	}
}

static void
check_all(struct agent_check *c)
{
	c->check.proxy = &c->conf.proxy;
	c->check.program = "relayagent";
	c->check.wants = c->conf.forward ? CUSTOMER_FORWARD : CUSTOMER_WEB;
	for (size_t i = 0; i < c->conf.relays.n; i++) {
		c->check.place = &c->conf.relays.list[i];
		c->check.server_name = c->conf.relays.list[i].host;
		check_relay(&c->check);
	}
	check_targets(c);
}

int
agent_check(const struct agent_source *source)
{
	static struct agent_check c;
	struct agent_run run;
	struct failure f;
	const int rc = agent_conf_read(&c.conf, &run, source, &f);

	first_word_options(WORD_CHECK, run.json, run.textfile);
	c.check.report = check_report_new("relayagent", run.json);
	if (c.check.report == NULL)
		program_fail(EX_OSERR, "set-up: %s", strerror(errno));
	c.check.tls = &c.conf.tls;
	if (check_configuration(&c.check,
		*run.file != '\0' ? run.file : "command line",
		rc == -1 ? run.part : NULL, &f) == 0) {
		check_material(&c.check, "");
		if (agent_sandbox_enter(&c.conf) == -1 ||
		    agent_sandbox_poll() == -1)
			program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
		check_all(&c);
	}
	agent_conf_free(&c.conf);
	return check_report_end(c.check.report);
}
