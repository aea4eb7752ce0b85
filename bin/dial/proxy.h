/*
 * The way to the relay through an HTTP proxy, by CONNECT (RFC 9110 9.3.6),
 * with Basic credentials where the proxy wants them.
 */
#ifndef DIAL_PROXY_H
#define DIAL_PROXY_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "dial/secret.h"

#include <stdint.h>

/* As base64 writes it */
#define PROXY_CREDENTIALS_MAX ((SECRET_MAX + 2) / 3 * 4 + 1)

struct proxy {
	struct netaddr addr;                     /* host "": there is none */
	char credentials[PROXY_CREDENTIALS_MAX]; /* base64; "": none */
	const char *bypass; /* no_proxy, kept by reference; NULL: none */
};

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

/*
 * Sets *p from an option: "host:port", or "host:port,file" where the file's
 * first line is "user:password" and nobody but its owner may read it. The file
 * is relative to conf (config_lines_relative; "" for the command line). Returns
 * 0, or -1 with a reason in f.
 */
int proxy_from_option(
    struct proxy *p, const char *text, const char *conf, struct failure *f);

/*
 * Sets p's credentials from the file called name, which is relative to conf
 * likewise. Returns 0, or -1 with a reason in f.
 */
int proxy_credentials(
    struct proxy *p, const char *name, const char *conf, struct failure *f);

/* Whether target is to be reached through p. Pure. */
int proxy_serves(const struct proxy *p, const struct netaddr *target);

/*
 * Asks the proxy at the other end of fd, a non-blocking socket, for target,
 * and reads its answer, all by deadline (base/deadline.h). Returns 0: fd leads
 * to target; or -1 with a reason in f. Closes nothing.
 */
int proxy_connect(int fd, const struct netaddr *target, const char *credentials,
    int64_t deadline, struct failure *f);

/*
 * dial(), through p where it serves target. Returns a connected socket as
 * dial() does, or -1 with a reason in f, which says where the proxy refused.
 */
int proxy_dial(const struct proxy *p, const struct netaddr *target,
    int64_t deadline, struct failure *f);

#endif
