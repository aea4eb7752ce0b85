/*
 * relayagent's configuration: the same words on the command line and in a
 * file, one option or argument a line.
 */
#ifndef AGENT_CONF_H
#define AGENT_CONF_H

#include "agent/command_line.h"
#include "agent/target.h"
#include "base/failure.h"
#include "base/netaddr.h"
#include "dial/proxy_environment.h"
#include "tls/seal.h"
#include "tls/tls.h"
#include "warp/relays.h"
#include "warp/watched.h"
#include "web/head.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_POLLS_DEFAULT 2
#define AGENT_POLLS_SURGE   16 /* that many times more under load */
#define AGENT_POLLS_MAX     64
#define AGENT_RELAYS_MAX    RELAYS_MAX

struct agent_conf {
	int forward;    /* -n: a port forwarder, not the way to a web server */
	unsigned polls; /* -m: spare polls that wait at each relay */
	unsigned polls_max;           /* and under load */
	int proxy_protocol;           /* --proxy-protocol */
	uint32_t max_streams;         /* --max-streams, of one session */
	char host[WEB_HOST_MAX];      /* -h; "": none */
	struct web_upgrades upgrades; /* --upgrade */
	struct relays relays;
	int first;       /* --relays first: the first that works alone */
	size_t ntargets; /* the first is the one without a name */
	struct target targets[TARGETS_MAX];
	struct proxy proxy;      /* -x, -X, or the environment's */
	struct tls_material tls; /* -k, -c, -a, or -f */
	struct seal seal;        /* --seal, --peers */
	struct watched watched;  /* what those were read from */
};

/* All that it takes to read the configuration, and to read it again. */
struct agent_source {
	int argc;
	char **argv;
	struct proxy_environment env;
	const char *base;      /* where paths on the command line start: "" */
	char folder[PATH_MAX]; /* or, for a daemon, which leaves it, this */
};

/*
 * Keeps argc, argv and, before harden_process empties it, the environment.
 * Returns 0, or -1 with errno.
 */
int agent_source_keep(struct agent_source *source, int argc, char **argv);

/*
 * Reads argv, and the file that it names with -C, into *conf and *run; paths in
 * the file are relative to its folder. Keys and certificates are read at once,
 * so that an error names the line. Prints the version (-V) or the usage, and
 * exits, where that is due. Returns 0, or -1 with the reason in f; *conf is
 * then empty.
 */
int agent_conf_read(struct agent_conf *conf, struct agent_run *run,
    const struct agent_source *source, struct failure *f);

/* Frees and wipes what agent_conf_read put there. */
void agent_conf_free(struct agent_conf *conf);

#endif
