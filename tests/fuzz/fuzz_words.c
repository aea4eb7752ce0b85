/*
 * The small parsers of one word: addresses, prefixes, targets, times, proxies,
 * fingerprints; and the writers that take what came from outside: log lines,
 * the PROXY protocol.
 */
#include "agent/proxy_protocol.h"
#include "agent/target.h"
#include "base/failure.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "base/prefix.h"
#include "base/timestamp.h"
#include "config/identity.h"
#include "dial/proxy_environment.h"
#include "fuzz.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* An address of data, of whatever family its first byte says */
static const struct sockaddr *
address_of(const char *text, size_t size)
{
	static union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;

	memset(&u, 0, sizeof(u));
	memcpy(&u, text, size < sizeof(u) ? size : sizeof(u));
	u.sa.sa_family = size % 3 == 0   ? AF_INET
			 : size % 3 == 1 ? AF_INET6
					 : AF_UNIX;
	return &u.sa;
}

/* The one who connects to a listener is named by the address it comes from. */
static void
peer(const char *host, int family)
{
	struct netaddr addr = {.port = "0"};
	struct failure f;
	char text[NETADDR_TEXT_MAX], name[NETADDR_TEXT_MAX];
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int listener, out;

	snprintf(addr.host, sizeof(addr.host), "%s", host);
	listener = netaddr_listen(&addr, 1, &f);
	if (listener == -1)
		return; /* no IPv6 here */
	MUST(getsockname(listener, (struct sockaddr *)&ss, &len) == 0);
	netaddr_peer(listener, text);
	MUST(strcmp(text, "unknown") == 0);
	out = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(connect(out, (struct sockaddr *)&ss, len) == 0);
	netaddr_peer(out, text);
	netaddr_host(text, name);
	MUST(strcmp(name, host) == 0);
	close(out);
	/* its port is taken */
	snprintf(addr.port, sizeof(addr.port), "%s", strrchr(text, ':') + 1);
	MUST(netaddr_listen(&addr, 1, &f) == -1);
	close(listener);
}

static void
addresses(const char *text)
{
	struct failure f;
	char host[NETADDR_TEXT_MAX];
	struct netaddr addr;
	struct target target;
	struct prefix p;

	if (netaddr_parse(&addr, text, &f) == 0) {
		MUST(addr.host[0] != '\0' && addr.port[0] != '\0');
		netaddr_check_numeric(&addr, &f);
	}
	netaddr_host(text, host);
	MUST(strlen(host) < sizeof(host));
	if (target_parse(&target, text, &f) == 0) {
		MUST(memchr(target.path, '\0', sizeof(target.path)) != NULL);
		MUST((target.addr.host[0] != '\0') ^ (target.path[0] != '\0'));
	}
	if (prefix_parse(&p, text) == 0) {
		struct prefix whole = p;

		whole.bits = PREFIX_ALL;
		MUST(p.bits <= PREFIX_ALL && prefix_holds(&p, &whole));
		whole.addr.s6_addr[p.bits / 16] ^= 0xff;
		MUST(p.bits < 8 || !prefix_holds(&p, &whole));
	}
	if (prefix_of(&p, address_of(text, strlen(text))) == 0)
		MUST(p.bits == PREFIX_ALL && prefix_holds(&p, &p));
}

/* A service is found by its name, in any case of letters, or not at all. */
static void
services(const char *text)
{
	const struct target targets[] = {
	    {.text = "first"}, {.service = "wiki"}};
	const struct target *found = target_find(targets, 2, text);

	MUST(found == NULL || *text != '\0' || found == &targets[0]);
	MUST(target_find(targets, 0, text) == NULL);
	MUST(target_find(targets, 2, "WIKI") == &targets[1]);
}

static void
others(const char *text)
{
	const struct proxy_environment env = {.url = text, .bypass = text};
	static const struct netaddr target = {"relay.example.org", "443"};
	struct failure f;
	char again[WHEN_TEXT_SIZE], hex[IDENTITY_HEX_SIZE];
	struct identity id, same;
	struct proxy proxy;
	uint64_t when, when2;

	if (proxy_from_environment(&proxy, &env, &f) == 0)
		proxy_serves(&proxy, &target);
	if (timestamp_parse(&when, text) == 0) {
		timestamp_format(when, again);
		MUST(timestamp_parse(&when2, again) == 0 && when == when2);
	}
	if (identity_parse(&id, text) == 0) {
		identity_hex(&id, hex);
		MUST(identity_parse(&same, hex) == 0);
		MUST(memcmp(&id, &same, sizeof(id)) == 0);
	}
}

static void
written(const char *text, size_t size)
{
	unsigned char header[PROXY_PROTOCOL_MAX];
	char line[600] = "event";

	MUST(proxy_protocol_write(header, text, NULL) <= sizeof(header));
	MUST(proxy_protocol_write(header, text, address_of(text, size)) <=
	     sizeof(header));
	for (size_t i = 0; i < 4; i++)
		log_append(line, sizeof(line) - size % 64, "key", text);
	for (const char *p = line; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p <= 0x7e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int done;
	char *text = fuzz_string(data, size);

	if (!done) {
		struct netaddr name = {"localhost", "1"};
		struct failure f;

		peer("127.0.0.1", AF_INET);
		peer("::1", AF_INET6);
		MUST(netaddr_listen(&name, 1, &f) == -1);
		done = 1;
	}
	services(text);
	addresses(text);
	others(text);
	written(text, size);
	free(text);
	return 0;
}
