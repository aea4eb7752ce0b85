/* A request to all relays: see everywhere.h. */
#include "ctl/everywhere.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/program.h"
#include "ctl/courier.h"
#include "ctl/relays.h"

#include <string.h>

static void
complain(const struct ctl_relay *relay, const char *why)
{
	struct failure line;

	failure(&line, "%s: %s", relay->name, why);
	log_failure(line.text);
}

/* Whether it has the request; why not in f. */
static int
has_request(const struct ctl_relay *relay, enum admin_command command,
    const char *argument, struct failure *f)
{
	if (relay->sock != -1)
		return ctl_send(relay->sock, command, argument, f) == 0;
	failure(f, "%s: is relay-broker running?", strerror(relay->error));
	return 0;
}

int
ctl_ask_all(const struct ctl_call *call, enum admin_command command,
    const char *argument, ctl_told *told, void *arg)
{
	const struct ctl_relays *relays = call->relays;
	const int64_t deadline = deadline_in(COURIER_MS);
	struct failure f[CTL_RELAYS_MAX];
	int asked[CTL_RELAYS_MAX] = {0}, status = EX_OK;

	for (size_t i = 0; i < relays->count; i++)
		asked[i] = has_request(
		    &relays->list[i], command, argument, &f[i]);
	for (size_t i = 0; i < relays->count; i++) {
		const struct ctl_relay *relay = &relays->list[i];
		struct ctl_answer answer;

		if (asked[i] &&
		    ctl_collect(relay->sock, &answer, deadline, &f[i]) == 0) {
			told(arg, relay->name, &answer, NULL);
			ctl_free(&answer);
			continue;
		}
		complain(relay, f[i].text);
		told(arg, relay->name, NULL, f[i].text);
		status = EX_UNAVAILABLE;
	}
	return status;
}
