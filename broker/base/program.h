/*
 * What the main() of every program does alike: its one way to fail, becoming
 * another user and a daemon, signals as a descriptor.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <sys/types.h>
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

/* Becomes this user and group (harden_drop_privileges), or fails for good. */
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
