/* Lines to the syslog: see log_syslog.h. */
#include "base/log_syslog.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#ifndef _PATH_LOG
#define _PATH_LOG "/dev/log"
#endif
#define PATIENCE_MS 200 /* for a daemon that has others to serve as well */
#define TEXT_MAX    (2048 + 128) /* a line of log.h, and what stands before it */

static int sock = -1;
static int hangs; /* it took nothing for PATIENCE_MS, and nothing since */

void
log_syslog_open(void)
{
	const struct sockaddr_un sun = {
	    .sun_family = AF_UNIX, .sun_path = _PATH_LOG};

	if (sock != -1)
		return;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock != -1 &&
	    connect(sock, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		fd_close(&sock);
}

void
log_syslog_close(void)
{
	fd_close(&sock);
}

/* Returns 0, or -1 with errno. */
static int
send_once(const char *line, size_t len)
{
	return send(sock, line, len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 ? -1
									: 0;
}

static int
send_patiently(const char *line, size_t len)
{
	struct pollfd pfd = {.fd = sock, .events = POLLOUT};

	if (send_once(line, len) == 0)
		return 0;
	if (errno != EAGAIN || hangs)
		return -1;
	poll(&pfd, 1, PATIENCE_MS);
	return send_once(line, len);
}

void
log_syslog_send(int priority, const char *ident, const char *text)
{
	char line[TEXT_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm tm = {0};
	int n;

	(void)localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%h %e %T", &tm);
	n = snprintf(line, sizeof(line), "<%d>%s %s[%ld]: %s",
	    LOG_DAEMON | priority, stamp, ident, (long)getpid(), text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line))
		n = (int)sizeof(line) - 1;
	/* a daemon that was started anew has another socket */
	for (int tries = 0; tries < 2; tries++) {
		log_syslog_open();
		if (sock == -1)
			return;
		if (send_patiently(line, (size_t)n) == 0) {
			hangs = 0;
			return;
		}
		if (errno == EAGAIN) {
			hangs = 1;
			return;
		}
		log_syslog_close();
	}
}
