/* Who has arrived and not registered yet: see arrivals.h. */
#define _GNU_SOURCE
#include "spawn/arrivals.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_MIN  1024
#define TOLD_ONCE 256  /* pids of one read(2) */
#define LINE_MS   1000 /* between two lines that say the same */
#define LATE_MS   5000 /* who leaves sooner is worth a line of its own */

int
arrivals_open(struct arrivals *a)
{
	int ends[2];

	*a = (struct arrivals){.told = -1, .tell = -1};
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1)
		return -1;
	a->told = ends[0];
	a->tell = ends[1];
	return 0;
}

void
arrivals_free(struct arrivals *a)
{
	fd_close(&a->told);
	fd_close(&a->tell);
	free(a->list);
	a->list = NULL;
	a->count = a->room = 0;
}

void
arrivals_address(struct in6_addr *from, int sock)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(ss);
	const struct sockaddr_in *v4 = (const void *)&ss;
	const struct sockaddr_in6 *v6 = (const void *)&ss;

	memset(from, 0, sizeof(*from));
	if (getpeername(sock, (struct sockaddr *)&ss, &len) == -1)
		return;
	if (ss.ss_family == AF_INET) {
		from->s6_addr[10] = from->s6_addr[11] = 0xff;
		memcpy(from->s6_addr + 12, &v4->sin_addr, 4);
	} else if (ss.ss_family == AF_INET6) {
		memcpy(from, &v6->sin6_addr,
		    IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? 16 : 8);
	}
}

/* Returns its place, or count where it is not there. */
static size_t
find(const struct arrivals *a, pid_t pid)
{
	size_t i = 0;

	while (i < a->count && a->list[i].pid != pid)
		i++;
	return i;
}

static void
forget(struct arrivals *a, size_t i)
{
	a->count--;
	memmove(
	    &a->list[i], &a->list[i + 1], (a->count - i) * sizeof(*a->list));
}

/* Those who have registered are none any more. */
static void
read_told(struct arrivals *a)
{
	pid_t pids[TOLD_ONCE];
	ssize_t n;

	while ((n = read(a->told, pids, sizeof(pids))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(*pids); i++) {
			size_t at = find(a, pids[i]);

			if (at < a->count && !a->list[at].ended)
				forget(a, at);
		}
}

/* Counts those from there, all where it is NULL, and finds the oldest. */
static size_t
count(const struct arrivals *a, const struct in6_addr *from, size_t *oldest)
{
	size_t n = 0;

	for (size_t i = a->count; i > 0; i--) {
		const struct arrival *one = &a->list[i - 1];

		if (one->ended || (from != NULL && memcmp(&one->from, from,
						       sizeof(*from)) != 0))
			continue;
		*oldest = i - 1;
		n++;
	}
	return n;
}

static unsigned
end_beyond(struct arrivals *a, const struct in6_addr *from, size_t most)
{
	unsigned ended = 0;
	size_t oldest = 0;

	while (count(a, from, &oldest) >= most) {
		a->list[oldest].ended = 1;
		kill(a->list[oldest].pid, SIGKILL);
		ended++;
	}
	return ended;
}

/* Milliseconds, from what it sent last, or from its connection. See tcp(7). */
static unsigned
silence_of(int sock)
{
	struct tcp_info info = {.tcpi_last_data_recv = 0};
	socklen_t len = sizeof(info);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) == -1
		   ? 0
		   : info.tcpi_last_data_recv;
}

int
arrivals_has_left(int sock)
{
	static int64_t next_line;
	static unsigned left;
	struct pollfd pfd = {.fd = sock, .events = POLLRDHUP};

	/* it cannot end a handshake that has not begun without us */
	if (poll(&pfd, 1, 0) != 1 || silence_of(sock) < LATE_MS)
		return 0;
	left++;
	if (deadline_rings(&next_line, LINE_MS)) {
		log_event(
		    LOG_NOTICE, "unserved", "connections", LOG_U64(left), NULL);
		left = 0;
	}
	return 1;
}

void
arrivals_make_room(struct arrivals *a, const struct in6_addr *from, size_t most,
    size_t most_from)
{
	static int64_t next_line;
	static unsigned ended;
	size_t oldest;

	read_told(a);
	if (!IN6_IS_ADDR_UNSPECIFIED(from))
		ended += end_beyond(a, from, most_from);
	ended += end_beyond(a, NULL, most);
	if (ended == 0 || !deadline_rings(&next_line, LINE_MS))
		return;
	log_event(LOG_WARNING, "crowded", "ended", LOG_U64(ended),
	    "unregistered", LOG_U64(count(a, NULL, &oldest)), NULL);
	ended = 0;
}

void
arrivals_add(struct arrivals *a, pid_t pid, const struct in6_addr *from)
{
	if (a->count == a->room) {
		size_t room = a->room == 0 ? ROOM_MIN : 2 * a->room;
		struct arrival *more = realloc(a->list, room * sizeof(*more));

		if (more == NULL)
			return;
		a->list = more;
		a->room = room;
	}
	a->list[a->count++] = (struct arrival){.pid = pid, .from = *from};
}

int
arrivals_rests(struct arrivals *a, pid_t pid)
{
	size_t i;

	/* what it told of that connection must not count for its next one */
	read_told(a);
	i = find(a, pid);
	if (i < a->count && a->list[i].ended)
		return 0;
	if (i < a->count)
		forget(a, i);
	return 1;
}

int
arrivals_ended(struct arrivals *a, pid_t pid)
{
	size_t i = find(a, pid);
	int ours;

	if (i == a->count)
		return 0;
	ours = a->list[i].ended;
	forget(a, i);
	return ours;
}
