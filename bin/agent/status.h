/*
 * "relayagent status": what the pool says of itself, and who asks (status.h).
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/conf.h"
#include "agent/relay_polls.h"
#include "status/sessions.h"
#include "tls/expiry.h"

#include <time.h>

/* What the answer is made of; all borrowed. */
struct agent_status {
	time_t started;
	struct agent_relay *relays;
	size_t nrelays;
	const struct status_sessions *sessions;
	size_t nsessions; /* of all relays, those of earlier files too */
	const struct expiry *certificate;
};

/* Answers those who ask at listener, as status_listen made it. */
void agent_status_answer(int listener, const struct agent_status *s);

/* Asks the relayagent with this configuration. Returns a sysexits(3) code. */
int agent_status_run(const char *conf, int json);

#endif
