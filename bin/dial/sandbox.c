/* The sandbox of a process that dials out: see sandbox.h. */
#define _GNU_SOURCE
#include "dial/sandbox.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define DNS_PORT 53 /* an answer that is too long for UDP comes by TCP */

static const struct filter_rule dialling[] = {
    FILTER_IS(socket, 0, AF_INET),
    FILTER_IS(socket, 0, AF_INET6),
    FILTER_IS(socket, 0, AF_UNIX),    /* targets, syslog, name services */
    FILTER_IS(socket, 0, AF_NETLINK), /* getaddrinfo(3): which addresses? */
    FILTER_CALL(bind),                /* that */
    FILTER_CALL(connect),
    FILTER_CALL(accept4),   /* shared sessions: see stone/shared.h */
    FILTER_CALL(signalfd4), /* and agent/mux_server.h */
    FILTER_CALL(recvmmsg),
    FILTER_CALL(sendmmsg),
    FILTER_CALL(epoll_create1),
    FILTER_CALL(epoll_ctl),
    FILTER_CALL(epoll_pwait),
    FILTER_CALL(epoll_wait),
    FILTER_CALL(eventfd2),
    FILTER_IS(ioctl, 1, FIONREAD),
    FILTER_IS(ioctl, 1, TIOCOUTQ),
    /* name services: modules, loaded when a name is first looked up */
    FILTER_LACKS(mmap, 3, MAP_ANONYMOUS),
    FILTER_LACKS(mprotect, 2, PROT_EXEC),
    FILTER_CALL(access),
    FILTER_CALL(getegid),
    FILTER_CALL(geteuid),
    FILTER_CALL(getgid),
    FILTER_CALL(gettid),
    FILTER_CALL(getuid),
    FILTER_CALL(pread64),
    FILTER_CALL(readlink),
    FILTER_CALL(stat),
    FILTER_CALL(statfs),
    FILTER_CALL(sysinfo),
    FILTER_CALL(uname),
};

static const struct filter_rule making[] = {
    FILTER_CALL(landlock_create_ruleset),
    FILTER_CALL(landlock_add_rule),
    FILTER_CALL(landlock_restrict_self),
    FILTER_CALL(seccomp),
};

const struct filter_list filter_dialling = FILTER_LIST(dialling);
const struct filter_list filter_sandboxing = FILTER_LIST(making);

static struct filter filter;

int
dial_sandbox_init(void)
{
	const struct filter_list lists[] = {
	    filter_common, filter_reading, filter_dialling};

	return filter_make(&filter, lists, sizeof(lists) / sizeof(*lists));
}

/* One that leads to name servers alone. */
static int
begin(struct dial_sandbox *w)
{
	static const char *const folders[] = {
	    "/etc", "/lib", "/lib64", "/run", "/usr", "/var/lib"};

	if (landlock_open(&w->rules,
		LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (landlock_allow(&w->rules, folders[i], LANDLOCK_READ) == -1)
			return -1;
	return landlock_allow_port(&w->rules, DNS_PORT);
}

int
dial_sandbox_renew(
    struct dial_sandbox *w, dial_sandbox_fill *fill, const void *conf)
{
	struct dial_sandbox next = {.rules = {.fd = -1}};

	if (begin(&next) == -1 || fill(&next, conf) == -1) {
		landlock_close(&next.rules);
		return -1;
	}
	landlock_close(&w->rules);
	*w = next;
	return 0;
}

/* By number or by name, as getaddrinfo(3) takes it; 0: none. */
static uint16_t
port_number(const char *port)
{
	const struct servent *service;
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	if (*port != '\0' && *end == '\0')
		return n <= UINT16_MAX ? (uint16_t)n : 0;
	service = getservbyname(port, "tcp");
	return service == NULL ? 0 : ntohs((uint16_t)service->s_port);
}

int
dial_sandbox_add(struct dial_sandbox *w, const struct netaddr *addr)
{
	uint16_t port = *addr->host == '\0' ? 0 : port_number(addr->port);

	return port == 0 ? 0 : landlock_allow_port(&w->rules, port);
}

int
dial_sandbox_enter(struct dial_sandbox *w)
{
	int rc = landlock_enter(&w->rules);

	landlock_close(&w->rules);
	return rc == -1 ? -1 : filter_enter(&filter);
}
