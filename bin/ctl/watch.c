/* relayctl watch: a live table that redraws itself, like top(1). */
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/number.h"
#include "base/program.h"
#include "ctl/command.h"
#include "ctl/units.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define INTERVAL     2 /* seconds between two pictures */
#define INTERVAL_MAX 3600

#define CLEAR      "\033[H\033[2J"
#define HEAD_LINES 4 /* above the sessions */

/* A session, and how fast it is. */
struct line {
	const struct row_session *now;
	uint64_t moved; /* since the picture before */
};

static unsigned
terminal_lines(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_row == 0)
		return 24;
	return size.ws_row;
}

/* Keys come at once and unseen. Returns whether there is a terminal. */
static int
quiet_terminal(struct termios *before)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, before) == -1)
		return 0;
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int
by_id(const void *a, const void *b)
{
	const struct message *x = a, *y = b;

	return (x->u.session.id > y->u.session.id) -
	       (x->u.session.id < y->u.session.id);
}

/* The fastest first; among equals the oldest. */
static int
by_speed(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->moved != y->moved)
		return x->moved < y->moved ? 1 : -1;
	return (x->now->seconds < y->now->seconds) -
	       (x->now->seconds > y->now->seconds);
}

/* Sets lines, one for each session of now, from what before had of them. */
static void
compare(struct line *lines, const struct ctl_answer *now,
    const struct ctl_answer *before)
{
	for (size_t i = 0; i < now->nrows; i++) {
		const struct row_session *s = &now->rows[i].u.session;
		const struct message *old = before->nrows == 0
						? NULL
						: bsearch(&now->rows[i],
						      before->rows,
						      before->nrows,
						      sizeof(*before->rows),
						      by_id);

		lines[i].now = s;
		lines[i].moved = s->up + s->down;
		if (old != NULL)
			lines[i].moved -= old->u.session.up +
					  old->u.session.down;
	}
	qsort(lines, now->nrows, sizeof(*lines), by_speed);
}

static void
draw(const struct row_status *st, const struct line *lines, size_t n,
    double seconds)
{
	size_t room = terminal_lines();

	printf(CLEAR "relay %s, up %s%s\n"
		     "%" PRIu64 " agents and %" PRIu64 " stones wait, %" PRIu64
		     " sessions live; q quits\n\n",
	    st->version, CTL_AGE(st->uptime), st->draining ? ", draining" : "",
	    st->agents, st->stones, st->sessions);
	printf("%-8s  %-16s  %-22s  %7s  %6s  %6s  %9s", "ID", "CUSTOMER",
	    "STONE", "AGE", "UP", "DOWN", "RATE");
	for (size_t i = 0; i < n && i + HEAD_LINES < room; i++) {
		const struct row_session *s = lines[i].now;

		printf("\n%s  %-16s  %-22s  %7s  %6s  %6s  %9s", LOG_ID(s->id),
		    s->customer, s->stone, CTL_AGE(s->seconds),
		    CTL_BYTES(s->up), CTL_BYTES(s->down),
		    CTL_RATE(lines[i].moved, seconds));
	}
	(void)fflush(stdout);
}

/* One picture. before becomes the sessions that it shows. */
static int
picture(int sock, struct ctl_answer *before, double seconds, struct failure *f)
{
	struct ctl_answer status, now;
	struct line *lines;

	if (ctl_request(sock, ADMIN_STATUS, "", &status, f) == -1)
		return -1;
	if (ctl_request(sock, ADMIN_SESSIONS, "", &now, f) == -1) {
		ctl_free(&status);
		return -1;
	}
	lines = calloc(now.nrows + 1, sizeof(*lines));
	if (lines != NULL && status.nrows == 1) {
		compare(lines, &now, before);
		draw(&status.rows[0].u.status, lines, now.nrows, seconds);
	}
	free(lines);
	ctl_free(&status);
	ctl_free(before);
	if (now.nrows > 0)
		qsort(now.rows, now.nrows, sizeof(*now.rows), by_id);
	*before = now;
	return 0;
}

/* Waits for the next picture's time. Returns 1 where it is not to come. */
static int
pause_or_end(int signals, int terminal, unsigned interval)
{
	struct pollfd pfd[2] = {
	    {.fd = signals, .events = POLLIN},
	    {.fd = terminal ? STDIN_FILENO : -1, .events = POLLIN},
	};
	int64_t until = deadline_in((int64_t)interval * 1000);
	char key;

	while (poll(pfd, 2, deadline_left(until)) > 0) {
		if (pfd[0].revents != 0)
			return 1;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q')
			return 1;
	}
	return 0;
}

/*
 * Redraws every interval seconds until q is typed, the input ends, a signal
 * comes or the broker is gone. Returns 0, or -1 with a reason in f.
 */
static int
redraw(int sock, unsigned interval, struct failure *f)
{
	static const int list[] = {SIGINT, SIGTERM, SIGHUP, 0};
	struct ctl_answer before = {0};
	int64_t last = deadline_now(), now;
	struct termios saved;
	int signals = program_signals(list);
	int terminal = quiet_terminal(&saved);
	int rc;

	do {
		now = deadline_now();
		rc = picture(sock, &before, (double)(now - last) / 1000, f);
		last = now;
	} while (rc == 0 && !pause_or_end(signals, terminal, interval));
	putchar('\n');
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	ctl_free(&before);
	fd_close(&signals);
	return rc;
}

int
command_watch(const struct ctl_call *call)
{
	int64_t interval = INTERVAL;
	struct failure f;

	if (*call->arguments != NULL) {
		interval = number_parse(*call->arguments, 1, INTERVAL_MAX);
		if (interval == -1)
			program_fail(EX_USAGE, "%s: not 1 to %d seconds",
			    *call->arguments, INTERVAL_MAX);
	}
	if (redraw(call->sock, (unsigned)interval, &f) == -1)
		ctl_fail(&f);
	return EX_OK;
}
