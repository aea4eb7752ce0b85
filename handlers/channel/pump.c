/* From socket to socket: see pump.h. */
#define _GNU_SOURCE
#include "channel/pump.h"
#include "base/deadline.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define PIPE_BYTES 262144 /* asked for: an unprivileged user may have 255 */
#define PIPE_MIN   65536  /* below that copying is faster */
#define REST_MS    3000   /* that a pipe stays empty */
#define TURN_MOVES 32     /* in and out of the pipe, before others' turn */

void
pump_init(struct pump *p, int from, int to, unsigned char *buf)
{
	*p = (struct pump){
	    .from = from,
	    .to = to,
	    .pipe = {-1, -1},
	    .buf = buf,
	    .writable = 1,
	    .rest_at = DEADLINE_NONE,
	};
}

static void
close_pipe(struct pump *p)
{
	fd_close(&p->pipe[0]);
	fd_close(&p->pipe[1]);
}

void
pump_close(struct pump *p)
{
	close_pipe(p);
}

void
pump_rest(struct pump *p)
{
	if (deadline_left(p->rest_at) != 0)
		return;
	p->rest_at = DEADLINE_NONE;
	p->copies = 0;
	close_pipe(p);
}

/* A pipe for what comes now, or none: then it is copied until the next rest. */
static void
open_pipe(struct pump *p)
{
	if (pipe2(p->pipe, O_CLOEXEC | O_NONBLOCK) == -1) {
		p->pipe[0] = p->pipe[1] = -1;
		p->copies = 1;
		return;
	}
	if (fcntl(p->pipe[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_MIN ||
	    fcntl(p->pipe[1], F_GETPIPE_SZ) >= PIPE_MIN)
		return;
	close_pipe(p);
	p->copies = 1;
}

static ssize_t
fill(struct pump *p)
{
	if (p->pipe[0] == -1 && !p->copies)
		open_pipe(p);
	if (p->copies)
		return recv(p->from, p->buf, PUMP_COPY, 0);
	return splice(p->from, NULL, p->pipe[1], NULL, PIPE_BYTES,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static ssize_t
pour(struct pump *p)
{
	if (p->copies)
		return send(p->to, p->buf + p->at, p->held, MSG_NOSIGNAL);
	return splice(p->pipe[0], NULL, p->to, NULL, p->held,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

/* Takes more of what has come; all of that before is written. */
static enum pump_result
take(struct pump *p)
{
	ssize_t n = fill(p);

	if (n > 0) {
		p->held = (size_t)n;
		p->at = 0;
		p->moved += (size_t)n;
		p->rest_at = DEADLINE_NONE;
		return PUMP_MOVES;
	}
	if (n == -1) {
		p->readable = 0;
		if (p->rest_at == DEADLINE_NONE)
			p->rest_at = deadline_in(REST_MS);
		return errno == EAGAIN ? PUMP_MOVES : PUMP_FROM_BROKE;
	}
	p->ended = 1;
	p->readable = 0;
	close_pipe(p);
	return PUMP_MOVES;
}

static enum pump_result
give(struct pump *p)
{
	ssize_t n = pour(p);

	if (n >= 0) {
		p->at += (size_t)n;
		p->held -= (size_t)n;
		return PUMP_MOVES;
	}
	p->writable = 0;
	return errno == EAGAIN ? PUMP_MOVES : PUMP_TO_BROKE;
}

int
pump_finish(const struct pump *p)
{
	return shutdown(p->to, SHUT_WR);
}

enum pump_result
pump_move(struct pump *p)
{
	enum pump_result rc = PUMP_MOVES;

	for (int i = 0; i < TURN_MOVES && rc == PUMP_MOVES; i++) {
		if (p->held > 0 && p->writable)
			rc = give(p);
		else if (p->held == 0 && p->readable && !p->ended)
			rc = take(p);
		else
			break;
	}
	return rc;
}
