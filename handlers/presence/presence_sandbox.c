/* The sandbox of relay-presence: see presence_sandbox.h. */
#define _GNU_SOURCE
#include "presence/presence_sandbox.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "sandbox/sandbox.h"

/* A store may be on this host, and filter_logging has no stream for it. */
static const struct filter_rule serving[] = {
    FILTER_SOCKET(AF_UNIX, SOCK_SEQPACKET), /* the broker */
    FILTER_SOCKET(AF_UNIX, SOCK_DGRAM),     /* syslog(3) */
    FILTER_SOCKET(AF_UNIX, SOCK_STREAM),
    FILTER_SOCKET(AF_INET, SOCK_STREAM),
    FILTER_SOCKET(AF_INET6, SOCK_STREAM),
    FILTER_CALL(connect),
};

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
		    landlock_allow_port(
			l, netaddr_port(&s->places[i].address.any)) == -1)
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
