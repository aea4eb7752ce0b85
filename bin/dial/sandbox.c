/* The sandbox of a process that dials out: see sandbox.h. */
#define _GNU_SOURCE
#include "dial/sandbox.h"
#include "dial/name_files.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define DNS_PORT 53 /* an answer that is too long for UDP comes by TCP */

static const struct filter_rule dialling[] = {
    /* Landlock knows the ports of TCP alone, not those of MPTCP */
    FILTER_PROTOCOL(AF_INET, SOCK_STREAM, 0),
    FILTER_PROTOCOL(AF_INET, SOCK_STREAM, IPPROTO_TCP),
    FILTER_PROTOCOL(AF_INET6, SOCK_STREAM, 0),
    FILTER_PROTOCOL(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
    FILTER_IS(socket, 0, AF_UNIX), /* targets, syslog, name services */
    /* getaddrinfo(3): which addresses? */
    FILTER_PROTOCOL(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
    FILTER_CALL(bind), /* that */
    FILTER_CALL(connect),
    FILTER_CALL(accept4),   /* shared sessions: see stone/shared.h */
    FILTER_CALL(signalfd4), /* and agent/mux_server.h */
    FILTER_CALL(recvmmsg),
    FILTER_LACKS(sendmmsg, 3, MSG_FASTOPEN),
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
    FILTER_IS(prctl, 0, PR_CAPBSET_READ), /* libcap, which some need */
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

/* A look-up asks by UDP, whose ports neither seccomp nor Landlock can see. */
static const struct filter_rule asking[] = {
    FILTER_PROTOCOL(AF_INET, SOCK_DGRAM, 0),
    FILTER_PROTOCOL(AF_INET6, SOCK_DGRAM, 0),
};

static const struct filter_rule making[] = {
    FILTER_CALL(landlock_create_ruleset),
    FILTER_CALL(landlock_add_rule),
    FILTER_CALL(landlock_restrict_self),
    FILTER_CALL(seccomp),
};

const struct filter_list filter_dialling = FILTER_LIST(dialling);
const struct filter_list filter_asking = FILTER_LIST(asking);
const struct filter_list filter_sandboxing = FILTER_LIST(making);

static struct filter plain, with_names;

int
dial_sandbox_init(void)
{
	const struct filter_list lists[] = {
	    filter_common, filter_reading, filter_dialling, filter_asking};
	const size_t n = sizeof(lists) / sizeof(*lists);

	if (filter_make(&plain, lists, n - 1) == -1)
		return -1;
	return filter_make(&with_names, lists, n);
}

int
dial_sandbox_renew(
    struct dial_sandbox *w, dial_sandbox_fill *fill, const void *conf)
{
	struct dial_sandbox next = {.rules = {.fd = -1}};

	if (landlock_open(&next.rules,
		LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) == -1 ||
	    fill(&next, conf) == -1) {
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

static int
is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 ||
	       inet_pton(AF_INET6, host, &any) == 1;
}

int
dial_sandbox_add(struct dial_sandbox *w, const struct netaddr *addr)
{
	uint16_t port = *addr->host == '\0' ? 0 : port_number(addr->port);

	if (*addr->host != '\0' && !is_address(addr->host)) {
		w->names = 1;
		if (landlock_allow_port(&w->rules, DNS_PORT) == -1)
			return -1;
	}
	return port == 0 ? 0 : landlock_allow_port(&w->rules, port);
}

int
dial_sandbox_enter(struct dial_sandbox *w)
{
	/* not in the parent, who lives on as such a file is replaced */
	int rc = name_files_allow(&w->rules);

	if (rc == 0)
		rc = landlock_enter(&w->rules);
	landlock_close(&w->rules);
	return rc == -1 ? -1 : filter_enter(w->names ? &with_names : &plain);
}
