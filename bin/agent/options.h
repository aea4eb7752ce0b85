/*
 * The words of relayagent's configuration, wherever they stand: what each
 * option and argument means.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "agent/conf.h"
#include "base/failure.h"

/* The options that a file may have, and those that have no letter. */
#define AGENT_LETTERS        "nkcamhxX"
#define AGENT_PROXY_PROTOCOL 256
#define AGENT_MAX_STREAMS    257
#define AGENT_UPGRADE        258

struct agent_options {
	struct agent_conf *conf;
	const char *file; /* that they stand in (config_lines_relative) */
};

/*
 * Each takes a word into w->conf. Returns 0, or -1 with a reason in f.
 *
 * An option: its letter, or one of the numbers above, and its value where it
 * has one. Files that it names are read now.
 */
int agent_options_take(const struct agent_options *w, int letter,
    const char *value, struct failure *f);

/*
 * An argument: "name=target" is a further target; of the others the last is
 * the target, and those before it are relays.
 */
int agent_options_take_argument(
    const struct agent_options *w, const char *word, struct failure *f);

#endif
