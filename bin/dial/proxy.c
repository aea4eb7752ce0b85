/* The way through an HTTP proxy: see proxy.h. */
#include "dial/proxy.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "channel/channel.h"
#include "dial/dial.h"
#include "dial/no_proxy.h"
#include "http/response.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int
proxy_set_credentials(struct proxy *p, const char *text)
{
	size_t len = strlen(text);

	if (len >= SECRET_MAX || strchr(text, ':') == NULL)
		return -1;
	EVP_EncodeBlock((unsigned char *)p->credentials,
	    (const unsigned char *)text, (int)len);
	return 0;
}

int
proxy_serves(const struct proxy *p, const struct netaddr *target)
{
	return p->addr.host[0] != '\0' && !no_proxy_names(p->bypass, target);
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
	/* 401 is a server's, but tinyproxy says so of a wrong password */
	errno = rc == 1 && (r.status == 407 || r.status == 401) ? EACCES
								: EPROTO;
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
		return dial_spread(target, deadline, f);
	fd = dial(&p->addr, deadline, f);
	if (fd == -1)
		return failure_prefix(f, "proxy ");
	if (proxy_connect(fd, target, p->credentials, deadline, f) == 0)
		return fd;
	fd_close(&fd);
	return failure_prefix(
	    f, "proxy %s port %s: ", p->addr.host, p->addr.port);
}
