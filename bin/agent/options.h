/*
 * What relayagent's words mean. Pure: words in, structs out; no file that they
 * name is touched.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "agent/command_line.h"
#include "agent/conf.h"
#include "base/failure.h"

struct agent_options {
	struct agent_conf *conf; /* what needs no file */
	/* what conf.c is to open; NULL: not given */
	const struct agent_word *key, *certificate, *authorities; /* -k -c -a */
	const struct agent_word *warp;        /* -f, or a bare NAME.warp */
	const struct agent_word *passfile;    /* --passfile */
	const struct agent_word *peers;       /* --peers */
	const struct agent_word *proxy;       /* -x */
	const struct agent_word *credentials; /* -X, where -x has none after */
};

/*
 * Sets conf to the defaults, and then what the words say. Returns 0, or -1 with
 * a reason in f that says where. o keeps pointers to words.
 */
int agent_options_read(struct agent_options *o, struct agent_conf *conf,
    const struct agent_words *words, struct failure *f);

#endif
