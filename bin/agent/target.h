/*
 * A target: where the agent leads a stone to. Targets come from the agent's
 * configuration and from nothing that arrives on the wire.
 */
#ifndef AGENT_TARGET_H
#define AGENT_TARGET_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "http/head.h"

#include <stdint.h>
#include <sys/un.h>

#define TARGETS_MAX     64
#define TARGET_TEXT_MAX (NETADDR_HOST_MAX + NETADDR_PORT_MAX + 4)

struct target {
	char service[HEAD_SERVICE_MAX]; /* "": the one without a name */
	struct netaddr addr;            /* host "": the Unix socket at path */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char text[TARGET_TEXT_MAX]; /* as configured, without the name */
};

/*
 * Reads "host:port", "[v6]:port" or "unix:/path", with "name=" before it or
 * not. Pure. Returns 0, or -1 with a reason in f.
 */
int target_parse(struct target *target, const char *word, struct failure *f);

/*
 * The target among the n that is called service, or the first where service is
 * "". Returns NULL where there is none. Pure.
 */
const struct target *target_find(
    const struct target *targets, size_t n, const char *service);

/*
 * Connects to it by deadline (base/deadline.h). Returns a non-blocking socket,
 * which the caller closes, or -1 with a reason in f.
 */
int target_dial(
    const struct target *target, int64_t deadline, struct failure *f);

#endif
