/*
 * A request to all relays of a cluster, and what each of them says.
 */
#ifndef CTL_EVERYWHERE_H
#define CTL_EVERYWHERE_H

#include "ctl/command.h"

/*
 * What is to be done with the answer of this relay, as it comes; NULL where it
 * gave none, and why. The answer is the caller's.
 */
typedef void ctl_told(
    void *arg, const char *relay, struct ctl_answer *answer, const char *why);

/*
 * Asks all of call->relays at once for command with argument, and calls told
 * with arg for each, in their order. Who does not answer is named on the
 * standard error. Returns EX_OK, or EX_UNAVAILABLE where one did not.
 */
int ctl_ask_all(const struct ctl_call *call, enum admin_command command,
    const char *argument, ctl_told *told, void *arg);

#endif
