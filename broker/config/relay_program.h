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

/* As whom the relay runs. */
struct relay_users {
	uid_t uid;     /* the broker, and who spawns handlers */
	uid_t handler; /* these; the same where there is no other */
	gid_t gid;     /* of all of them */
};

/*
 * The users that the relay runs as by conf: those that it names where the
 * process is root. Else all are what it is already; but handlers are
 * handler_user, if there is one, where it is the user that conf names. Fails,
 * for good, where root finds one unknown, or root.
 */
void relay_program_users(
    const struct relay_conf *conf, struct relay_users *users);

/*
 * The group that a socket has to be open to, so that handlers can connect;
 * (gid_t)-1: none, since they are its owner.
 */
gid_t relay_users_meet(const struct relay_users *users);

/*
 * The user and group that relay-keyd runs as by conf: its keyd_user where the
 * process is root, else what it is already. Sets *asks to those that it
 * serves. Fails, for good, where a user is unknown or root, or it is one of
 * those.
 */
void relay_program_keyd_user(const struct relay_conf *conf, uid_t *uid,
    gid_t *gid, struct relay_users *asks);

/*
 * For -t: fails likewise where the process is root, or conf names a user; who
 * is not root needs none. Root then becomes that user, so that what follows
 * reads what it will be able to read.
 */
void relay_program_try_user(const struct relay_conf *conf);

#endif
