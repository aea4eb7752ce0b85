/*
 * What the main() of each program of the relay does alike: its options, and the
 * user that relay.conf(5) names.
 */
#ifndef CONFIG_RELAY_PROGRAM_H
#define CONFIG_RELAY_PROGRAM_H

#include "config/relay_conf.h"

/* The options that all relay programs share. */
struct relay_program_options {
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
struct relay_program_options relay_program_options(
    int argc, char **argv, const char *name, const char *letters);

/*
 * The user and group that the relay runs as by conf: its user where the
 * process is root, else what it is already. Fails, for good, where that user
 * is unknown or root.
 */
void relay_program_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid);

/*
 * The user and group that relay-keyd runs as by conf: its keyd_user where the
 * process is root, else what it is already. Sets *asks_uid and *asks_gid to
 * those that it serves: of the relay's user where the process is root, else
 * its own, and (gid_t)-1. Fails, for good, where a user is unknown or root, or
 * both are the same.
 */
void relay_program_keyd_user(const struct relay_conf *conf, uid_t *uid,
    gid_t *gid, uid_t *asks_uid, gid_t *asks_gid);

/*
 * For -t: fails likewise where the process is root, or conf names a user; who
 * is not root needs none. Root then becomes that user, so that what follows
 * reads what it will be able to read.
 */
void relay_program_try_user(const struct relay_conf *conf);

#endif
