/* What the relay's programs do alike: see relay_program.h. */
#include "config/relay_program.h"
#include "base/harden.h"
#include "base/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
usage(const char *name, const char *letters)
{
	fprintf(stderr, "usage: %s [-%sdtV] [-c file]\n", name,
	    strchr(letters, 'D') != NULL ? "D" : "");
	exit(EX_USAGE);
}

static void
print_version(const char *name)
{
	printf("%s %s\n", name, VERSION);
	exit(EX_OK);
}

struct relay_program_options
relay_program_options(
    int argc, char **argv, const char *name, const char *letters)
{
	struct relay_program_options o = {.conf = CONF_PATH};
	const char *given;
	int c;

	while ((c = getopt(argc, argv, letters)) != -1)
		switch (c) {
		case 'c':
			o.conf = optarg;
			break;
		case 'D':
			o.daemon = 1;
			break;
		case 'd':
			o.debug = 1;
			break;
		case 't':
			o.test = 1;
			break;
		case 'V':
			print_version(name);
			break;
		default:
			usage(name, letters);
		}
	if (optind != argc)
		usage(name, letters);
	/* a daemon leaves the folder that a relative path starts from */
	given = o.conf;
	if (o.daemon && (o.conf = realpath(given, NULL)) == NULL)
		program_fail(EX_CONFIG, "%s: %s", given, strerror(errno));
	return o;
}

/* Gives up, with where the user was named. */
static void
fail_user(const struct relay_conf *conf, int code, struct failure *f)
{
	if (conf->user_line != 0)
		failure_prefix(f, "%s:%u: ", conf->path, conf->user_line);
	else
		failure_prefix(f, "%s: ", conf->path);
	program_fail(code, "%s: set user to an unprivileged one", f->text);
}

static void
find_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid)
{
	struct failure f;

	if (harden_lookup(conf->user, conf->group, uid, gid, &f) == -1)
		fail_user(conf, EX_NOUSER, &f);
	if (*uid != 0)
		return;
	failure(&f, "user %s is root", conf->user);
	fail_user(conf, EX_CONFIG, &f);
}

/* Of another user than the relay's, where it has one. */
static void
find_handler(const struct relay_conf *conf, struct relay_users *users)
{
	struct failure f;
	gid_t gid;

	if (harden_lookup(conf->handler_user, "", &users->handler, &gid, &f) ==
	    -1)
		program_fail(EX_NOUSER, "%s: handler_%s: make it, or set it",
		    conf->path, f.text);
	if (users->handler == 0)
		program_fail(EX_CONFIG,
		    "%s: handler_user %s is root: set it to an unprivileged "
		    "one",
		    conf->path, conf->handler_user);
}

void
relay_program_users(const struct relay_conf *conf, struct relay_users *users)
{
	const uid_t own = geteuid();
	struct failure f;
	uid_t uid;
	gid_t gid;

	users->uid = users->handler = own;
	users->gid = getegid();
	if (own == 0) {
		find_user(conf, &users->uid, &users->gid);
		find_handler(conf, users);
	} else if (harden_lookup(conf->user, "", &uid, &gid, &f) == 0 &&
		   uid == own &&
		   harden_lookup(conf->handler_user, "", &uid, &gid, &f) == 0 &&
		   uid != 0) {
		users->handler = uid;
	}
}

gid_t
relay_users_meet(const struct relay_users *users)
{
	return users->handler == users->uid ? (gid_t)-1 : users->gid;
}

void
relay_program_keyd_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid,
    struct relay_users *asks)
{
	struct failure f;

	relay_program_users(conf, asks);
	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return;
	if (harden_lookup(conf->keyd_user, "", uid, gid, &f) == -1)
		program_fail(EX_NOUSER, "%s: keyd_%s", conf->path, f.text);
	if (*uid == 0 || *uid == asks->uid || *uid == asks->handler)
		program_fail(EX_CONFIG,
		    "%s: keyd_user %s is root or the relay's user: set it to "
		    "one of its own",
		    conf->path, conf->keyd_user);
}

void
relay_program_try_user(const struct relay_conf *conf)
{
	struct relay_users users;

	if (geteuid() != 0 && conf->user_line != 0)
		find_user(conf, &users.uid, &users.gid);
	relay_program_users(conf, &users);
	program_become(users.uid, users.gid);
}
