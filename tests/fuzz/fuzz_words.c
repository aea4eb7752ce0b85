/*
 * The small parsers of one word: addresses, prefixes, targets, times, proxies,
 * fingerprints; and the writers that take what came from outside: log lines,
 * the PROXY protocol.
 */
#include "fuzz.h"
#include "identity.h"
#include "log.h"
#include "netaddr.h"
#include "prefix.h"
#include "proxy.h"
#include "proxy_protocol.h"
#include "target.h"
#include "when.h"

#include <string.h>

static void
addresses(const char *text)
{
	char err[512], host[NETADDR_TEXT_MAX];
	struct netaddr addr;
	struct target target;
	struct prefix p;

	if (netaddr_parse(&addr, text, err, sizeof(err)) == 0) {
		MUST(addr.host[0] != '\0' && addr.port[0] != '\0');
		netaddr_check_numeric(&addr, err, sizeof(err));
	}
	netaddr_host(text, host);
	MUST(strlen(host) < sizeof(host));
	if (target_parse(&target, text, err, sizeof(err)) == 0)
		MUST((target.addr.host[0] != '\0') ^ (target.path[0] != '\0'));
	if (prefix_parse(&p, text) == 0) {
		struct prefix whole = p;

		whole.bits = PREFIX_ALL;
		MUST(p.bits <= PREFIX_ALL && prefix_holds(&p, &whole));
	}
}

static void
others(const char *text)
{
	const struct proxy_environment env = {.url = text, .bypass = text};
	static const struct netaddr target = {"relay.example.org", "443"};
	char err[512], again[WHEN_TEXT_SIZE], hex[IDENTITY_HEX_SIZE];
	struct identity id, same;
	struct proxy proxy;
	uint64_t when, when2;

	if (proxy_from_environment(&proxy, &env, err, sizeof(err)) == 0)
		proxy_serves(&proxy, &target);
	if (when_parse(&when, text) == 0) {
		when_format(when, again);
		MUST(when_parse(&when2, again) == 0 && when == when2);
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
	for (size_t i = 0; i < 4; i++)
		log_append(line, sizeof(line) - size % 64, "key", text);
	for (const char *p = line; *p != '\0'; p++)
		MUST(*p >= 0x20 && *p <= 0x7e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	addresses(text);
	others(text);
	written(text, size);
	free(text);
	return 0;
}
