/*
 * File descriptors: closing them visibly, making 0-2 sane, and the two flags
 * that nearly every descriptor of the relay carries.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdint.h>

/* Closes *fd unless it is -1, and sets it to -1. errno is kept. */
void fd_close(int *fd);

/* Sets O_NONBLOCK. Returns 0, or -1 with errno. */
int fd_nonblock(int fd);

/*
 * Opens /dev/null on each of 0, 1 and 2 that is closed, so that no later
 * socket can be mistaken for a standard stream. Returns 0, or -1 with errno.
 */
int fd_sane_std(void);

/*
 * inetd hands over the connection as fd 0, and xinetd as 1 and 2 too. Moves
 * it above 2 (close-on-exec) and puts /dev/null in its place; fd 2 stays
 * where it is something else than the connection. Returns the connection's
 * new fd, which the caller closes, or -1 with errno (ENOTSOCK: 0 is none).
 */
int fd_take_inetd_socket(void);

/*
 * Which of the first n descriptors are open, a bit for each: at most 32, and as
 * many as RLIMIT_NOFILE lets there be. It takes poll(2) alone, which every
 * sandbox allows.
 */
uint32_t fd_open_ones(unsigned n);

/* Whether fd 2 can take log lines: open, and not /dev/null. */
int fd_stderr_usable(void);

#endif
