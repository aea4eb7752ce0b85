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

void
relay_program_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
	if (*uid == 0)
		find_user(conf, uid, gid);
}

void
relay_program_keyd_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid,
    uid_t *asks_uid, gid_t *asks_gid)
{
	struct failure f;

	*uid = *asks_uid = geteuid();
	*gid = getegid();
	*asks_gid = (gid_t)-1;
	if (*uid != 0)
		return;
	find_user(conf, asks_uid, asks_gid);
	if (harden_lookup(conf->keyd_user, "", uid, gid, &f) == -1)
		program_fail(EX_NOUSER, "%s: keyd_%s", conf->path, f.text);
	if (*uid == 0 || *uid == *asks_uid)
		program_fail(EX_CONFIG,
		    "%s: keyd_user %s is root or the relay's user: set it to "
		    "one of its own",
		    conf->path, conf->keyd_user);
}

void
relay_program_try_user(const struct relay_conf *conf)
{
	uid_t uid = 0;
	gid_t gid = 0;

	if (geteuid() == 0 || conf->user_line != 0)
		find_user(conf, &uid, &gid);
	if (geteuid() == 0)
		program_become(uid, gid);
}
