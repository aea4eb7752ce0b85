/* What relayctl's commands have in common: see command.h. */
#include "ctl/command.h"
#include "base/program.h"

#include <errno.h>

void
ctl_fail(const struct failure *f)
{
	program_fail(
	    errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE, "%s", f->text);
}

struct ctl_answer
ctl_ask(const struct ctl_call *call, enum admin_command command,
    const char *argument)
{
	struct ctl_answer answer;
	struct failure f;

	if (ctl_request(call->sock, command, argument, &answer, &f) == -1)
		ctl_fail(&f);
	return answer;
}
