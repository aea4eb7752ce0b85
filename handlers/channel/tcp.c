/* TCP options: see tcp.h. */
#include "channel/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#define GIVE_UP_MS 50000
#define PROBES_MAX 2 /* without an answer, of a peer that has no room */

void
tcp_options(int sock)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, 30},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 10},
	    {IPPROTO_TCP, TCP_KEEPCNT, 3},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, GIVE_UP_MS},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(sock, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

void
tcp_ask_after(int sock, int seconds)
{
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
}

int
tcp_review(int sock)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int patient, timeout;

	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return 0;
	/* it has acknowledged all that it had room for */
	patient = info.tcpi_unacked == 0 && info.tcpi_probes < PROBES_MAX;
	timeout = patient ? 0 : GIVE_UP_MS;
	setsockopt(
	    sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	return patient;
}

void
tcp_may_pause(int sock)
{
	const int never = 0;

	setsockopt(sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &never, sizeof(never));
}

void
tcp_reset_on_close(int sock, int on)
{
	const struct linger linger = {.l_onoff = on, .l_linger = 0};

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int
tcp_is_closed(int sock)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}

void
tcp_bound_unsent(int sock, unsigned bytes)
{
	setsockopt(sock, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

void
tcp_cork(int sock, int on)
{
	int saved = errno;

	setsockopt(sock, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	errno = saved;
}

void
tcp_measure(int sock, uint32_t *rtt, uint32_t *retransmits)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	*rtt = *retransmits = 0;
	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return;
	*rtt = info.tcpi_rtt;
	*retransmits = info.tcpi_total_retrans;
}
