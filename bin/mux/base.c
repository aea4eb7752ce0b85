/* The ground of a multiplexed session: see base.h. */
#include "mux/base.h"
#include "mux/state.h"

#include <stdio.h>
#include <sys/epoll.h>

void *
mux_owner(const struct mux *m)
{
	return m->owner;
}

int
mux_watch(struct mux *m, int fd, uint32_t events, struct mux_source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event);
}

void
mux_unwatch(struct mux *m, int fd)
{
	epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void
mux_fail(struct mux *m, const char *why)
{
	if (m->error[0] == '\0')
		snprintf(m->error, sizeof(m->error), "%s", why);
}

const char *
mux_error(const struct mux *m)
{
	return m->error;
}
