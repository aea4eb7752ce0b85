/*
 * The HTTP proxy that leads to the relays: that of -x, or the environment's.
 */
#ifndef STONE_PROXY_H
#define STONE_PROXY_H

#include "base/failure.h"
#include "dial/proxy_environment.h"
#include "stone/conf.h"

/*
 * Sets *proxy, and reads the file with its password. Returns 0, or -1 with a
 * reason in f.
 */
int stone_proxy_read(struct proxy *proxy, const struct stone_conf *conf,
    const struct proxy_environment *env, struct failure *f);

#endif
