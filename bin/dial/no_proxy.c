/* Who goes by no proxy: see no_proxy.h. */
#include "dial/no_proxy.h"
#include "base/failure.h"
#include "base/prefix.h"

#include <string.h>
#include <strings.h>

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
no_proxy_names(const char *list, const struct netaddr *target)
{
	while (list != NULL && *list != '\0') {
		char entry[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
		size_t len = strcspn(list, ", \t");

		if (len > 0 && len < sizeof(entry)) {
			memcpy(entry, list, len);
			entry[len] = '\0';
			if (entry_matches(entry, target))
				return 1;
		}
		list += len;
		list += strspn(list, ", \t");
	}
	return 0;
}
