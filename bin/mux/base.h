/*
 * The ground of a multiplexed session, which its streams, frames and loop all
 * stand on: whose it is, what its loop waits for, and why it broke.
 */
#ifndef MUX_BASE_H
#define MUX_BASE_H

#include <stdint.h>

struct mux;

/* Something that the loop waits for; embed it, and get back to what has it. */
struct mux_source {
	/* events as in epoll_wait(2) */
	void (*ready)(struct mux_source *, uint32_t events);
};

/* What mux_new was given. */
void *mux_owner(const struct mux *m);

/* Has source called for events of fd (epoll_ctl(2)); 0, or -1 with errno. */
int mux_watch(
    struct mux *m, int fd, uint32_t events, struct mux_source *source);
void mux_unwatch(struct mux *m, int fd);

/* Notes why the session breaks; the first reason counts. */
void mux_fail(struct mux *m, const char *why);

/* Why it broke; "" where it did not. */
const char *mux_error(const struct mux *m);

#endif
