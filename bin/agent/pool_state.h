/*
 * The pool's own state, which its files share.
 */
#ifndef AGENT_POOL_STATE_H
#define AGENT_POOL_STATE_H

#include "agent/conf.h"
#include "agent/ending.h"
#include "agent/relay_choice.h"
#include "agent/relay_polls.h"
#include "agent/suspend.h"
#include "fork/children.h"
#include "status/sessions.h"
#include "tls/expiry.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct pool {
	struct agent_conf *conf;
	const struct agent_source *source;
	uint64_t agent;
	pid_t pid; /* its own */
	int signals;
	int stopping; /* how many signals asked for it */
	int leaving;
	struct children *children;
	struct status_sessions sessions;
	int status;     /* where people ask; -1: nowhere */
	time_t started; /* Unix time */
	struct suspend suspend;
	struct expiry certificate;
	int64_t tick;                      /* when the next is due */
	unsigned told_waiting, told_polls; /* to the service manager */
	struct ending ending;
	struct relay_choice choice; /* where the first relay is enough */
	size_t nrelays;
	struct agent_relay relays[AGENT_RELAYS_MAX];
};

#endif
