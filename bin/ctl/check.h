/*
 * relayctl check: what it finds, a line each.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "config/relay_conf.h"
#include "ctl/request.h"

#include <stdint.h>
#include <stdio.h>

#define CHECK_LINES    48 /* 16 listen lines, and all else */
#define CHECK_TEXT_MAX 320

enum check_state { CHECK_GOOD, CHECK_WARNING, CHECK_BAD };

struct check_line {
	enum check_state state;
	const char *what; /* static */
	char text[CHECK_TEXT_MAX];
};

struct check {
	struct check_line lines[CHECK_LINES];
	size_t n;
};

/* Adds a line; what is static. Where there is no room it is left out. */
void check_add(struct check *check, enum check_state state, const char *what,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Its name for people and programs; static. */
const char *check_word(enum check_state state);

struct ctl_call;

/*
 * Looks at all, with a broker or without; enters the sandbox on the way, behind
 * what that would not let it do.
 */
void check_all(struct check *check, const struct ctl_call *call,
    const struct relay_conf *conf);

/* Writes the lines for people. */
void check_print(FILE *out, const struct check *check);

/* check_host.c: each looks at a part of this host. */

/* Whether somebody listens at each of conf's addresses. */
void check_ports(struct check *check, const struct relay_conf *conf);

/* Whether the kernel's clock is kept right. */
void check_clock(struct check *check);

/* Whether the kernel has what the sandboxes are made of. */
void check_sandbox(struct check *check);

/* How many connections may wait to be accepted. */
void check_backlog(struct check *check);

/*
 * The limits of the broker and of relay-listen (0: there is none), by their
 * pids, against so many agents and sessions.
 */
void check_limits(struct check *check, uint32_t pid, uint32_t spawner,
    uint64_t agents, uint64_t sessions);

#endif
