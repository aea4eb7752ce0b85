/*
 * What the main() of every relay program does alike: its options, its one way
 * to fail, becoming its user and a daemon, signals as a descriptor.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "config/relay_conf.h"

#include <sysexits.h>

#ifndef VERSION
#define VERSION "dev"
#endif

/*
 * Says why on one line (log_failure) and exits with code, of sysexits(3). The
 * one place where a program gives up. format as in printf(3).
 */
void program_fail(int code, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* The options that all relay programs share. */
struct program_options {
	const char *conf; /* -c, absolute where the program is a daemon */
	int daemon;       /* -D */
	int debug;        /* -d */
	int test;         /* -t */
};

/*
 * Parses the command line of the program name: the options in letters, as for
 * getopt(3), and no operands. Prints the version (-V) or the usage, and exits,
 * where that is due.
 */
struct program_options program_options(
    int argc, char **argv, const char *name, const char *letters);

/*
 * The user and group that the relay runs as by conf: its user where the
 * process is root, else what it is already. Fails, for good, where that user
 * is unknown or root.
 */
void program_relay_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid);

/* Becomes them (harden_drop_privileges), or fails for good. */
void program_become(uid_t uid, gid_t gid);

/*
 * Goes to the background: fork, setsid, chdir to /, 0-2 to /dev/null. The
 * caller has opened the syslog and whatever may fail before. Returns 0, or -1
 * with errno.
 */
int program_daemonize(void);

/*
 * Blocks the signals, a list ended by 0, and returns a non-blocking signalfd
 * that tells of them, or -1 with errno. No work is done in signal handlers.
 */
int program_signals(const int *signals);

#endif
