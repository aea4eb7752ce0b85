/*
 * The HTTP proxy that https_proxy and no_proxy of the environment name.
 */
#ifndef DIAL_PROXY_ENVIRONMENT_H
#define DIAL_PROXY_ENVIRONMENT_H

#include "base/failure.h"
#include "dial/proxy.h"

/* What the environment says; strings that live as long as the process. */
struct proxy_environment {
	const char *url;    /* https_proxy or HTTPS_PROXY; NULL: none */
	const char *bypass; /* no_proxy or NO_PROXY; NULL: none */
};

/*
 * Keeps what the environment says. Call it before harden_process, which
 * empties that. Returns 0, or -1 with errno.
 */
int proxy_environment_keep(struct proxy_environment *env);

/*
 * Sets *p to what was kept: "[http://][user[:password]@]host[:port]", or to no
 * proxy where nothing was. Pure. Returns 0, or -1 with a reason in f, which
 * names no password.
 */
int proxy_from_environment(
    struct proxy *p, const struct proxy_environment *env, struct failure *f);

#endif
