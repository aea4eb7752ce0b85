/* The way through an HTTP proxy: see proxy.h. */
#define _GNU_SOURCE
#include "dial/proxy.h"
#include "base/config_lines.h"
#include "base/fd.h"
#include "channel/channel.h"
#include "dial/dial.h"
#include "dial/prefix.h"
#include "http/response.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what the environment says ---- */

static int
keep(const char **kept, const char *lower, const char *upper)
{
	const char *value = getenv(lower);

	if (value == NULL)
		value = getenv(upper);
	*kept = NULL;
	if (value == NULL || *value == '\0')
		return 0;
	*kept = strdup(value);
	return *kept == NULL ? -1 : 0;
}

int
proxy_environment_keep(struct proxy_environment *env)
{
	if (keep(&env->url, "https_proxy", "HTTPS_PROXY") == -1)
		return -1;
	return keep(&env->bypass, "no_proxy", "NO_PROXY");
}

static int
set_credentials(struct proxy *p, const char *text)
{
	size_t len = strlen(text);

	if (len >= SECRET_MAX || strchr(text, ':') == NULL)
		return -1;
	EVP_EncodeBlock((unsigned char *)p->credentials,
	    (const unsigned char *)text, (int)len);
	return 0;
}

/* Undoes %XX in place. Returns 0, or -1 where that is malformed. */
static int
undo_percent(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		unsigned byte;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (strspn(s + 1, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(s + 1, "%2x", &byte) != 1 || byte == 0)
			return -1;
		*out++ = (char)byte;
		s += 2;
	}
	*out = '\0';
	return 0;
}

/* "user[:password]" of a URL, len bytes */
static int
set_userinfo(struct proxy *p, const char *at, size_t len)
{
	char text[SECRET_MAX];
	int rc = -1;

	if (len < sizeof(text) - 1) {
		memcpy(text, at, len);
		text[len] = '\0';
		if (strchr(text, ':') == NULL)
			strcat(text, ":");
		if (undo_percent(text) == 0)
			rc = set_credentials(p, text);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

/* "host[:port]" of a URL; the port of http is 80 */
static int
set_authority(struct proxy *p, const char *at, struct failure *f)
{
	size_t len = strcspn(at, "/?#");
	const char *bracket = memchr(at, ']', len);
	char text[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
	int has_port;

	if (len + 4 > sizeof(text))
		return failure(f, "https_proxy: its host is too long");
	has_port = memchr(bracket != NULL ? bracket : at, ':',
		       bracket != NULL ? len - (size_t)(bracket - at) : len) !=
		   NULL;
	snprintf(
	    text, sizeof(text), "%.*s%s", (int)len, at, has_port ? "" : ":80");
	return netaddr_parse(&p->addr, text, f);
}

int
proxy_from_environment(
    struct proxy *p, const struct proxy_environment *env, struct failure *f)
{
	static const char http[] = "http://";
	const char *at = env->url, *userinfo_end;

	memset(p, 0, sizeof(*p));
	if (at == NULL)
		return 0;
	p->bypass = env->bypass;
	if (strncasecmp(at, http, strlen(http)) == 0)
		at += strlen(http);
	else if (strstr(at, "://") != NULL)
		return failure(
		    f, "https_proxy: only proxies of http:// are served");
	userinfo_end = memrchr(at, '@', strcspn(at, "/?#"));
	if (userinfo_end != NULL) {
		if (set_userinfo(p, at, (size_t)(userinfo_end - at)) == -1)
			return failure(
			    f, "https_proxy: malformed user or password");
		at = userinfo_end + 1;
	}
	return set_authority(p, at, f);
}

/* ---- what an option says ---- */

int
proxy_credentials(
    struct proxy *p, const char *name, const char *conf, struct failure *f)
{
	char secret[SECRET_MAX], *path = config_lines_relative(conf, name);
	int rc;

	if (path == NULL)
		return failure(f, "%s: %s", name, strerror(errno));
	rc = secret_read(path, secret, f);
	if (rc == 0 && (rc = set_credentials(p, secret)) == -1)
		failure(f,
		    "%s: its first line is not "
		    "user:password",
		    path);
	OPENSSL_cleanse(secret, sizeof(secret));
	free(path);
	return rc;
}

int
proxy_from_option(
    struct proxy *p, const char *text, const char *conf, struct failure *f)
{
	const char *comma = strchr(text, ',');
	char place[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
	size_t len = comma != NULL ? (size_t)(comma - text) : strlen(text);

	memset(p, 0, sizeof(*p));
	if (len >= sizeof(place))
		return failure(f, "the proxy's host is too long");
	memcpy(place, text, len);
	place[len] = '\0';
	if (netaddr_parse(&p->addr, place, f) == -1)
		return -1;
	if (comma == NULL)
		return 0;
	return proxy_credentials(p, comma + 1, conf, f);
}

/* ---- whom it serves ---- */

/* A name stands for itself and for all names below it, an address does not. */
static int
host_matches(const char *entry, const char *host)
{
	size_t n, hostlen = strlen(host);
	struct prefix address;

	if (prefix_parse(&address, host) == 0)
		return strcmp(entry, host) == 0;
	if (*entry == '.')
		entry++;
	n = strlen(entry);
	return n > 0 && n <= hostlen &&
	       strcasecmp(host + hostlen - n, entry) == 0 &&
	       (n == hostlen || host[hostlen - n - 1] == '.');
}

/* One entry of no_proxy: "*", a name, an address or a prefix, "host:port" */
static int
entry_matches(const char *entry, const struct netaddr *target)
{
	struct prefix prefix, address;
	struct netaddr place;
	struct failure f;

	if (strcmp(entry, "*") == 0)
		return 1;
	if (prefix_parse(&prefix, entry) == 0)
		return prefix_parse(&address, target->host) == 0 &&
		       prefix_holds(&prefix, &address);
	if (netaddr_parse(&place, entry, &f) == 0)
		return strcmp(place.port, target->port) == 0 &&
		       host_matches(place.host, target->host);
	return host_matches(entry, target->host);
}

int
proxy_serves(const struct proxy *p, const struct netaddr *target)
{
	const char *at = p->bypass;

	if (p->addr.host[0] == '\0')
		return 0;
	while (at != NULL && *at != '\0') {
		char entry[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
		size_t len = strcspn(at, ", \t");

		if (len > 0 && len < sizeof(entry)) {
			memcpy(entry, at, len);
			entry[len] = '\0';
			if (entry_matches(entry, target))
				return 0;
		}
		at += len;
		at += strspn(at, ", \t");
	}
	return 1;
}

/* ---- CONNECT ---- */

static int
send_request(struct channel *proxy, const struct netaddr *target,
    const char *credentials, int64_t deadline)
{
	char place[NETADDR_HOST_MAX + NETADDR_PORT_MAX + 4];
	char text[2 * sizeof(place) + PROXY_CREDENTIALS_MAX + 128];
	int n, rc;

	snprintf(place, sizeof(place),
	    strchr(target->host, ':') != NULL ? "[%s]:%s" : "%s:%s",
	    target->host, target->port);
	n = snprintf(text, sizeof(text),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", place, place,
	    *credentials != '\0' ? "Proxy-Authorization: Basic " : "",
	    credentials, *credentials != '\0' ? "\r\n" : "");
	rc = channel_write_all(proxy, text, (size_t)n, deadline);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int
proxy_connect(int fd, const struct netaddr *target, const char *credentials,
    int64_t deadline, struct failure *f)
{
	char buf[RESPONSE_MAX_BYTES];
	struct channel proxy;
	struct response r;
	size_t len = 0;
	int rc = 0;

	channel_tcp(&proxy, fd);
	if (send_request(&proxy, target, credentials, deadline) == -1)
		return failure(f, "%s", strerror(errno));
	while (rc == 0) {
		ssize_t n = channel_read_by(
		    &proxy, buf + len, sizeof(buf) - len, deadline);

		if (n <= 0)
			return failure(f, "no answer: %s",
			    n == 0 ? "closed" : strerror(errno));
		len += (size_t)n;
		rc = response_parse(&r, buf, len);
	}
	if (rc == -1)
		failure(f, "the answer is not HTTP");
	else if (r.status / 100 != 2)
		failure(f, "refused: %d %s", r.status, r.reason);
	else if (r.length != len)
		/* the relay says nothing before we do */
		failure(f, "there is something behind the answer");
	else
		return 0;
	return -1;
}

int
proxy_dial(const struct proxy *p, const struct netaddr *target,
    int64_t deadline, struct failure *f)
{
	int fd;

	if (!proxy_serves(p, target))
		return dial(target, deadline, f);
	fd = dial(&p->addr, deadline, f);
	if (fd == -1)
		return failure_prefix(f, "proxy ");
	if (proxy_connect(fd, target, p->credentials, deadline, f) == 0)
		return fd;
	fd_close(&fd);
	return failure_prefix(
	    f, "proxy %s port %s: ", p->addr.host, p->addr.port);
}
