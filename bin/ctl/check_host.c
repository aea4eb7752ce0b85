/* What relayctl check looks at on this host: see check.h. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/fd.h"
#include "ctl/check.h"
#include "dial/dial.h"
#include "sandbox/landlock.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#define CONNECT_MS 2000
#define FDS_BESIDE 64 /* of the broker, beside its connections */
#define NO_LIMIT   UINT64_MAX

/* ---- ports ---- */

/* A wildcard is listened at; one connects to the host itself. */
static const char *
host_of(const struct netaddr *addr)
{
	if (strcmp(addr->host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(addr->host, "::") == 0 ? "::1" : addr->host;
}

static void
check_port(struct check *check, const struct netaddr *addr)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *ai;
	int fd, error = 0;

	if (getaddrinfo(host_of(addr), addr->port, &hints, &ai) != 0)
		return;
	fd = dial_address(ai->ai_addr, ai->ai_addrlen, CONNECT_MS);
	if (fd == -1)
		error = errno;
	fd_close(&fd);
	freeaddrinfo(ai);
	if (error == 0)
		check_add(check, CHECK_GOOD, "port", "%s port %s is open",
		    host_of(addr), addr->port);
	else
		check_add(check, CHECK_BAD, "port",
		    "%s port %s: %s: is relay-listen running?", host_of(addr),
		    addr->port, strerror(error));
}

void
check_ports(struct check *check, const struct relay_conf *conf)
{
	for (size_t i = 0; i < conf->nlisten; i++)
		check_port(check, &conf->listen[i]);
	if (conf->nlisten == 0)
		check_add(check, CHECK_GOOD, "port",
		    "no listen line: the port is xinetd's, and was not tried");
}

/* ---- the kernel ---- */

void
check_clock(struct check *check)
{
	struct timex t = {0};

	if (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		check_add(check, CHECK_WARNING, "clock",
		    "nobody keeps it right: run chrony or systemd-timesyncd, "
		    "or certificates end at the wrong time");
	else
		check_add(check, CHECK_GOOD, "clock", "is synchronised");
}

void
check_sandbox(struct check *check)
{
	const unsigned action = SECCOMP_RET_KILL_PROCESS;
	const int seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
				&action) == 0;
	struct landlock l;

	if (landlock_open(&l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1) {
		check_add(check, CHECK_WARNING, "sandbox", "landlock: %s",
		    strerror(errno));
		return;
	}
	landlock_close(&l);
	if (seccomp && l.lacks[0] == '\0')
		check_add(check, CHECK_GOOD, "sandbox", "has all its parts");
	else
		check_add(check, CHECK_WARNING, "sandbox",
		    "this kernel lacks %s%s%s: see relay-security(7)", l.lacks,
		    l.lacks[0] != '\0' && !seccomp ? ", " : "",
		    seccomp ? "" : "seccomp");
}

/* The number in a file of one line; "max", or no such file: NO_LIMIT. */
static uint64_t
number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[64], *end;
	uint64_t n = NO_LIMIT;

	if (file == NULL)
		return NO_LIMIT;
	if (fgets(line, sizeof(line), file) != NULL && *line != 'm') {
		n = strtoull(line, &end, 10);
		if (end == line)
			n = NO_LIMIT;
	}
	fclose(file);
	return n;
}

void
check_backlog(struct check *check)
{
	const uint64_t n = number_in("/proc/sys/net/core/somaxconn");

	/* relay-listen asks for SOMAXCONN */
	if (n < SOMAXCONN)
		check_add(check, CHECK_WARNING, "somaxconn",
		    "%" PRIu64 " connections may wait, of %d: sysctl -w "
		    "net.core.somaxconn=%d",
		    n, SOMAXCONN, SOMAXCONN);
	else
		check_add(check, CHECK_GOOD, "somaxconn",
		    "%d connections may wait", SOMAXCONN);
}

/* ---- limits ---- */

/* The soft limit of a process that the line of /proc/PID/limits begins with. */
static uint64_t
limit_of(uint32_t pid, const char *name)
{
	char path[64], line[256];
	uint64_t n = NO_LIMIT;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/limits", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return NO_LIMIT;
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *value = line + strlen(name);

		if (strncmp(line, name, strlen(name)) == 0 &&
		    value[strspn(value, " ")] != 'u')
			n = strtoull(value, NULL, 10);
	}
	fclose(file);
	return n;
}

/* What the processes of this one's control group, and those above, may be. */
static uint64_t
limit_of_group(uint32_t pid)
{
	char path[64], line[1024], file_name[1200], *group = NULL, *slash;
	uint64_t least = NO_LIMIT, n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return NO_LIMIT;
	while (group == NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "0::", 3) == 0)
			group = line + 3;
	fclose(file);
	if (group == NULL)
		return NO_LIMIT;
	group[strcspn(group, "\n")] = '\0';
	while ((slash = strrchr(group, '/')) != NULL) {
		snprintf(file_name, sizeof(file_name),
		    "/sys/fs/cgroup%s/pids.max", group);
		n = number_in(file_name);
		least = n < least ? n : least;
		*slash = '\0';
	}
	return least;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Says whether so many connections fit below a limit. */
static void
compare(struct check *check, const char *what, const char *unit, uint64_t limit,
    uint64_t wanted, const char *help)
{
	if (limit == NO_LIMIT)
		check_add(check, CHECK_GOOD, what, "no limit of %s", unit);
	else if (limit >= wanted)
		check_add(check, CHECK_GOOD, what,
		    "%" PRIu64 " %s, for %" PRIu64 " by the table of customers",
		    limit, unit, wanted);
	else
		check_add(check, CHECK_WARNING, what,
		    "%" PRIu64 " %s, but %" PRIu64
		    " by the table of customers: %s",
		    limit, unit, wanted, help);
}

void
check_limits(struct check *check, uint32_t pid, uint32_t spawner,
    uint64_t agents, uint64_t sessions)
{
	const uint64_t connections = agents + 2 * sessions;
	const uint32_t of = spawner != 0 ? spawner : pid;
	uint64_t processes = least(
	    limit_of(of, "Max processes"), limit_of_group(of));

	processes = least(processes, number_in("/proc/sys/kernel/pid_max"));
	processes = least(processes, number_in("/proc/sys/kernel/threads-max"));
	compare(check, "files", "open files of the broker",
	    limit_of(pid, "Max open files"), connections + FDS_BESIDE,
	    "raise LimitNOFILE of relay-broker (ulimit -n), or lower "
	    "max_agents and nusers");
	compare(check, "processes", "processes", processes, connections,
	    "raise TasksMax of relay-listen (ulimit -u, "
	    "sysctl kernel.pid_max), or lower max_agents and nusers");
}
