/* The sandbox of relay-presence: see presence_sandbox.h. */
#define _GNU_SOURCE
#include "presence/presence_sandbox.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* A store may be on this host, and filter_logging has no stream for it. */
static const struct filter_rule serving[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET), /* the broker */
    FILTER_SOCKET(AF_UNIX, SOCK_DGRAM),     /* syslog(3) */
    FILTER_SOCKET(AF_UNIX, SOCK_STREAM),
    FILTER_SOCKET(AF_INET, SOCK_STREAM),
    FILTER_SOCKET(AF_INET6, SOCK_STREAM),
    FILTER_CALL(connect),
};

/* Of an address of either kind. */
static uint16_t
port_of(const struct settings_place *place)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (place->address.any.sa_family == AF_INET6) {
		memcpy(&six, &place->address, sizeof(six));
		return ntohs(six.sin6_port);
	}
	memcpy(&four, &place->address, sizeof(four));
	return ntohs(four.sin_port);
}

static int
restrict_files(const struct settings *s, struct landlock *l)
{
	const struct relay_conf *conf = &s->conf;
	const char *const files[] = {conf->path, conf->peer_certificate,
	    conf->presence_secret, conf->presence_password, conf->presence_ca};

	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (landlock_allow_beside(l, files[i], LANDLOCK_READ) == -1)
			return -1;
	for (size_t i = 0; i < conf->nstores; i++)
		if (!s->places[i].is_local &&
		    landlock_allow_port(l, port_of(&s->places[i])) == -1)
			return -1;
	return landlock_enter(l);
}

int
presence_sandbox_enter(const struct settings *s)
{
	const struct filter_list lists[] = {
	    filter_common, filter_reading, FILTER_LIST(serving)};
	struct landlock l;
	int rc = restrict_files(s, &l);

	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_WARNING);
}
