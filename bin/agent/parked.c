/* A parked poll: see parked.h. */
#include "agent/parked.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "channel/tcp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 15000 /* for the relay to say a sign of life back */

void
parked_begin(struct parked *p, int fd, int64_t interval)
{
	*p = (struct parked){
	    .fd = fd,
	    .interval = interval * 1000,
	    .since = deadline_now(),
	    .next = deadline_in(deadline_jitter(interval * 1000)),
	    .answer = DEADLINE_NONE,
	};
	tcp_ask_after(fd, (int)interval + ANSWER_MS / 1000);
}

/* ---- what comes ---- */

static int
begins(const struct parked *p, const char *what, size_t size)
{
	return memcmp(p->got, what, p->len < size ? p->len : size) == 0;
}

/* A sign of life that has come back. */
static void
take_sign(struct parked *p)
{
	p->asked = 0;
	p->len -= PARKED_SIGN_SIZE;
	memmove(p->got, p->got + PARKED_SIGN_SIZE, p->len);
}

/* Looks at what is in got. */
static enum parked_event
take(struct parked *p, const char **why)
{
	if (p->asked && p->len >= PARKED_SIGN_SIZE &&
	    begins(p, PARKED_SIGN, PARKED_SIGN_SIZE))
		take_sign(p);
	if (begins(p, PARKED_WAKE, PARKED_WAKE_SIZE))
		return p->len == PARKED_WAKE_SIZE ? PARKED_WOKEN : PARKED_STAYS;
	if (p->asked && begins(p, PARKED_SIGN, PARKED_SIGN_SIZE))
		return PARKED_STAYS;
	*why = "it says what it should not";
	return PARKED_LOST;
}

static void
set_answer(struct parked *p)
{
	if (!p->asked && p->len == 0)
		p->answer = DEADLINE_NONE;
	else if (p->answer == DEADLINE_NONE)
		p->answer = deadline_in(ANSWER_MS);
}

/* Never reads further than to the end of a wake: there TLS begins. */
enum parked_event
parked_read(struct parked *p, const char **why)
{
	enum parked_event event = PARKED_STAYS;

	while (event == PARKED_STAYS) {
		const ssize_t n = recv(p->fd, p->got + p->len,
		    sizeof(p->got) - p->len, MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			*why = n == 0 ? "cleanly" : strerror(errno);
			return PARKED_LOST;
		}
		p->len += (size_t)n;
		event = take(p, why);
	}
	set_answer(p);
	return event;
}

/* ---- what is due ---- */

static enum parked_event
send_sign(struct parked *p, const char **why)
{
	const ssize_t n = send(
	    p->fd, PARKED_SIGN, PARKED_SIGN_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n != PARKED_SIGN_SIZE) {
		*why = n == -1 ? strerror(errno) : "no room for a sign of life";
		return PARKED_LOST;
	}
	p->asked = 1;
	p->next = deadline_in(p->interval);
	p->answer = deadline_in(ANSWER_MS);
	return PARKED_STAYS;
}

enum parked_event
parked_tend(struct parked *p, const char **why)
{
	if (deadline_left(p->answer) == 0) {
		*why = "no answer to a sign of life";
		return PARKED_LOST;
	}
	if (p->answer == DEADLINE_NONE && deadline_left(p->next) == 0)
		return send_sign(p, why);
	return PARKED_STAYS;
}

int64_t
parked_due(const struct parked *p)
{
	if (p->fd == -1)
		return DEADLINE_NONE;
	return p->answer != DEADLINE_NONE ? p->answer : p->next;
}

/* ---- the end ---- */

void
parked_close(struct parked *p)
{
	fd_close(&p->fd);
}

int
parked_release(struct parked *p)
{
	const int fd = p->fd;

	p->fd = -1;
	tcp_options(fd);
	return fd;
}
