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

#define WEB_UPGRADES_MAX 8
#define WEB_UPGRADE_MAX  32 /* the name of a protocol and its NUL */

/* Protocols that a client may upgrade to, beside websocket. */
struct web_upgrades {
	size_t n;
	char names[WEB_UPGRADES_MAX][WEB_UPGRADE_MAX];
};

/* What holds for all requests of a connection. */
struct web_rules {
	const char *host; /* the Host of each; NULL: as the client says */
	char forwarded_for[NETADDR_TEXT_MAX]; /* "": unknown */
	char service[HEAD_SERVICE_MAX];       /* X-Service of the first */
	const struct web_upgrades *upgrades;  /* NULL: none */
};

/*
 * Writes the parsed head in buf to out: CRLF line ends, Host, X-Forwarded-For
 * and Upgrade by the rules, no X-Service, and of Connection what is for the web
 * server to know. Returns its length, or 0 where the request is refused, with
 * the HTTP status and the static reason.
 */
size_t web_head_write(const struct web_rules *rules, const struct head *head,
    const char *buf, char out[static WEB_HEAD_MAX], int *status,
    const char **reason);

#endif
