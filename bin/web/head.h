/*
 * A request's head on its way to a web server: checked, and written anew with
 * the agent's Host and the client's true address. Pure.
 */
#ifndef WEB_HEAD_H
#define WEB_HEAD_H

#include "http/head.h"

#define WEB_HOST_MAX 256 /* a Host value and its NUL */

/* Room for the longest head with its line ends, Host and address written. */
#define WEB_HEAD_MAX (HEAD_FORWARD_MAX + WEB_HOST_MAX + 256)

/* What holds for all requests of a connection. */
struct web_rules {
	const char *host; /* the Host of each; NULL: as the client says */
	char forwarded_for[NETADDR_TEXT_MAX]; /* "": unknown */
	char service[HEAD_SERVICE_MAX];       /* X-Service of the first */
};

/*
 * Writes the parsed head in buf to out: CRLF line ends, Host and
 * X-Forwarded-For by the rules, no X-Service. Returns its length, or 0 where
 * the request is refused, with the HTTP status and the static reason.
 */
size_t web_head_write(const struct web_rules *rules, const struct head *head,
    const char *buf, char out[static WEB_HEAD_MAX], int *status,
    const char **reason);

#endif
