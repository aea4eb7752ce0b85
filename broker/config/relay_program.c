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

void
relay_program_user(const struct relay_conf *conf, uid_t *uid, gid_t *gid)
{
	struct failure f;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return;
	if (harden_lookup(conf->user, conf->group, uid, gid, &f) == -1)
		program_fail(
		    EX_NOUSER, "%s: set user in the configuration", f.text);
	if (*uid == 0)
		program_fail(
		    EX_CONFIG, "user is root: set user to an unprivileged one");
}
