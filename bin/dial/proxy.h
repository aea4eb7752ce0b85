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

/*
 * Has p send "user:password" of below SECRET_MAX bytes. Returns 0, or -1 where
 * text is not that.
 */
int proxy_set_credentials(struct proxy *p, const char *text);

/* Whether target is to be reached through p. Pure. */
int proxy_serves(const struct proxy *p, const struct netaddr *target);

/*
 * Asks the proxy at the other end of fd, a non-blocking socket, for target,
 * and reads its answer, all by deadline (base/deadline.h). Returns 0: fd leads
 * to target; or -1 with a reason in f and, where the proxy wants (other)
 * credentials, EACCES. Closes nothing.
 */
int proxy_connect(int fd, const struct netaddr *target, const char *credentials,
    int64_t deadline, struct failure *f);

/*
 * dial_spread(), through p where it serves target. Returns a connected socket
 * as dial() does, or -1 with a reason in f, which says where the proxy refused.
 */
int proxy_dial(const struct proxy *p, const struct netaddr *target,
    int64_t deadline, struct failure *f);

#endif
