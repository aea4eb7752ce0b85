/* The keys of relay.conf(5), each with the check of its value. */
#ifndef CONFIG_RELAY_CONF_KEYS_H
#define CONFIG_RELAY_CONF_KEYS_H

#include "config/relay_conf.h"

/*
 * Sets in c what a line of the file c->path says. What it keeps of value is a
 * copy, which relay_conf_free frees. Returns 0, or -1 with a reason in f: there
 * is no such key, it was given before, or the value is none of its own.
 */
int relay_conf_key(struct relay_conf *c, unsigned line, const char *key,
    const char *value, struct failure *f);

#endif
