/*
 * relayagent's configuration: the same words on the command line and in a
 * file, one option or argument a line.
 */
#ifndef AGENT_CONF_H
#define AGENT_CONF_H

#include "netaddr.h"
#include "tls.h"

#include <stddef.h>
#include <stdint.h>

#define AGENT_POLLS_DEFAULT 2
#define AGENT_POLLS_MAX     64

struct agent_conf {
	int forward;    /* -n: a port forwarder, not the way to a web server */
	unsigned polls; /* -m: spare polls that wait at the relay */
	int narguments;
	struct netaddr relay;
	struct netaddr target;
	struct tls_material tls; /* -k, -c, -a */
};

/* What only the command line can say. */
struct agent_run {
	const char *file; /* -C; NULL: none */
	int daemon;       /* -D */
	int debug;        /* -d */
	int test;         /* -t */
};

/*
 * Reads argv, and the file that it names with -C, into *conf and *run; paths in
 * the file are relative to its folder. Keys and certificates are read at once,
 * so that an error names the line. Prints the version (-V) or the usage, and
 * exits, where that is due. Returns 0, or -1 with the reason in err.
 */
int agent_conf_read(struct agent_conf *conf, struct agent_run *run, int argc,
    char **argv, char *err, size_t errsize);

/* Frees and wipes what agent_conf_read put there. */
void agent_conf_free(struct agent_conf *conf);

#endif
