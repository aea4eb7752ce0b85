/* The way to the relay, or to the proxy before it. See check.h. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "check/check.h"
#include "dial/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS    10000
#define PROXY_MS      20000
#define ADDRESSES_MAX 8

/* Where the first connection leads. */
static const struct netaddr *
next_hop(const struct check *c)
{
	return check_has_proxy(c) ? &c->proxy->addr : c->place;
}

static const char *
whose(const struct check *c)
{
	return check_has_proxy(c) ? "the proxy " : "";
}

/* ---- name ---- */

static void
address_text(const struct addrinfo *ai, char text[static NETADDR_TEXT_MAX])
{
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, NETADDR_TEXT_MAX,
		NULL, 0, NI_NUMERICHOST) != 0)
		strcpy(text, "?");
}

void
check_step_name(struct check *c, struct check_line *line)
{
	const struct netaddr *hop = next_hop(c);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const int rc = getaddrinfo(hop->host, hop->port, &hints, &c->addresses);
	char all[ADDRESSES_MAX * (NETADDR_TEXT_MAX + 2)] = "";
	char one[NETADDR_TEXT_MAX];
	size_t n = 0;

	if (rc != 0) {
		c->addresses = NULL;
		check_fail(line, EX_NOHOST,
		    "see whether the name is right, and whether this host "
		    "finds any name at all (/etc/resolv.conf); behind a "
		    "company's proxy give that with -x",
		    "%s%s is not found: %s", whose(c), hop->host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return;
	}
	for (const struct addrinfo *ai = c->addresses;
	     ai != NULL && n < ADDRESSES_MAX; ai = ai->ai_next, n++) {
		address_text(ai, one);
		strcat(all, n > 0 ? ", " : "");
		strcat(all, one);
	}
	if (strcmp(hop->host, all) == 0)
		check_ok(line, "%s%s is an address", whose(c), hop->host);
	else
		check_ok(line, "%s%s is %s", whose(c), hop->host, all);
}

/* ---- tcp ---- */

struct attempt {
	char address[NETADDR_TEXT_MAX];
	int family;
	int error; /* 0: connected; EINPROGRESS: not yet */
	double ms;
};

struct attempts {
	size_t n;
	struct attempt list[ADDRESSES_MAX];
	struct pollfd pfd[ADDRESSES_MAX];
};

static void
begin(struct attempts *a, const struct addrinfo *ai)
{
	struct attempt *t = &a->list[a->n];
	int fd = dial_start(ai->ai_addr, ai->ai_addrlen);

	address_text(ai, t->address);
	t->family = ai->ai_family;
	t->error = fd == -1 ? errno : EINPROGRESS;
	a->pfd[a->n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
}

/* Takes what poll told of attempt i. Returns whether it is decided now. */
static int
settle(struct attempts *a, size_t i, double start)
{
	struct attempt *t = &a->list[i];
	socklen_t len = sizeof(t->error);

	if (t->error != EINPROGRESS || a->pfd[i].revents == 0)
		return 0;
	if (getsockopt(a->pfd[i].fd, SOL_SOCKET, SO_ERROR, &t->error, &len) ==
	    -1)
		t->error = errno;
	t->ms = check_now() - start;
	a->pfd[i].events = 0;
	if (t->error != 0)
		fd_close(&a->pfd[i].fd);
	return 1;
}

/* Tries all addresses at once, so that none waits for another. */
static void
try_all(struct attempts *a, const struct addrinfo *list)
{
	const int64_t deadline = deadline_in(CONNECT_MS);
	const double start = check_now();
	size_t open = 0;

	for (; list != NULL && a->n < ADDRESSES_MAX; list = list->ai_next)
		begin(a, list);
	for (size_t i = 0; i < a->n; i++)
		open += a->list[i].error == EINPROGRESS;
	while (open > 0 && poll(a->pfd, a->n, deadline_left(deadline)) > 0)
		for (size_t i = 0; i < a->n; i++)
			open -= (size_t)settle(a, i, start);
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].error == EINPROGRESS)
			a->list[i].error = ETIMEDOUT;
}

/* Of a family: 0 where one has connected, or the first's errno; -1: none. */
static int
error_of(const struct attempts *a, int family)
{
	int error = -1;

	for (size_t i = 0; i < a->n; i++) {
		if (a->list[i].family != family)
			continue;
		if (a->list[i].error == 0)
			return 0;
		if (error == -1)
			error = a->list[i].error;
	}
	return error;
}

/* Takes the connection that came first, and closes the others. */
static void
take_first(struct check *c, struct attempts *a)
{
	size_t best = a->n;

	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].error == 0 &&
		    (best == a->n || a->list[i].ms < a->list[best].ms))
			best = i;
	if (best < a->n) {
		c->fd = a->pfd[best].fd;
		a->pfd[best].fd = -1;
	}
	for (size_t i = 0; i < a->n; i++)
		fd_close(&a->pfd[i].fd);
}

static void
describe(const struct attempts *a, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < a->n && used < size; i++) {
		const struct attempt *t = &a->list[i];

		used += (size_t)snprintf(text + used, size - used, "%s%s %s ",
		    i > 0 ? ", " : "", t->family == AF_INET6 ? "IPv6" : "IPv4",
		    t->address);
		if (used >= size)
			return;
		if (t->error == 0)
			used += (size_t)snprintf(
			    text + used, size - used, "in %.1f ms", t->ms);
		else
			used += (size_t)snprintf(
			    text + used, size - used, "%s", strerror(t->error));
	}
}

static const char *
advice_for(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "nothing listens there: see whether host and port are "
		       "right, and whether the relay runs (at its host: "
		       "relayctl status)";
	case ETIMEDOUT:
		return "nothing comes back: a firewall on the way drops it, or "
		       "the host is away; if only a proxy may go out from "
		       "here, give that with -x";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "this host has no way there: see its network and routes";
	default:
		return "see the network of this host, and the firewalls on the "
		       "way";
	}
}

/* How the families went decides; no IPv6 at all costs nothing (RFC 8305). */
static void
judge(const struct check *c, const struct attempts *a, const char *text,
    struct check_line *line)
{
	const struct netaddr *hop = next_hop(c);
	const int v6 = error_of(a, AF_INET6), v4 = error_of(a, AF_INET);

	if (v6 != 0 && v4 != 0)
		check_fail(line, EX_UNAVAILABLE, advice_for(v4 != -1 ? v4 : v6),
		    "%s%s port %s: %s", whose(c), hop->host, hop->port, text);
	else if (v6 > 0 && v6 != ENETUNREACH)
		check_warn(line,
		    "IPv6 does not work: each connection waits for it in vain, "
		    "up to 250 ms; mend IPv6, or take the IPv6 address out of "
		    "the name's records",
		    "%s", text);
	else if (v4 > 0 && v4 != ENETUNREACH)
		check_warn(line,
		    "IPv4 does not work: mend it, or take the IPv4 address out "
		    "of the name's records",
		    "%s", text);
	else
		check_ok(line, "%s", text);
}

void
check_step_tcp(struct check *c, struct check_line *line)
{
	struct attempts a = {.n = 0};
	char text[384];

	try_all(&a, c->addresses);
	take_first(c, &a);
	describe(&a, text, sizeof(text));
	judge(c, &a, text, line);
}

/* ---- proxy ---- */

int
check_has_proxy(const struct check *c)
{
	return proxy_serves(c->proxy, c->place);
}

void
check_step_proxy(struct check *c, struct check_line *line)
{
	const struct proxy *p = c->proxy;
	struct failure f;

	if (proxy_connect(c->fd, c->place, p->credentials,
		deadline_in(PROXY_MS), &f) == 0)
		check_ok(line, "%s port %s leads to %s port %s", p->addr.host,
		    p->addr.port, c->place->host, c->place->port);
	else if (errno == EACCES)
		check_fail(line, EX_NOPERM,
		    *p->credentials == '\0'
			? "put user:password into a file, mode 600, and give "
			  "it behind -x with a comma"
			: "correct the first line of the file with the "
			  "proxy's password: user:password",
		    "the proxy %s port %s %s: %s", p->addr.host, p->addr.port,
		    *p->credentials == '\0' ? "wants a user and a password"
					    : "does not accept this user and "
					      "password",
		    f.text);
	else
		check_fail(line, EX_UNAVAILABLE,
		    "see whether -x or https_proxy names the right proxy, and "
		    "ask its owner to let CONNECT pass to the relay's host and "
		    "port",
		    "the proxy %s port %s does not lead to the relay: %s",
		    p->addr.host, p->addr.port, f.text);
}
