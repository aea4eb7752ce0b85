/* Files that looking a name up needs: see name_files.h. */
#include "dial/name_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMESERVERS "/etc/resolv.conf"

static const char *const files[] = {
    NAMESERVERS, "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
    "/etc/gai.conf", "/etc/services", "/etc/mdns.allow",
    "/etc/ld.so.cache", /* where the modules are */
    "/etc/localtime",   /* the syslog's */
};

/* Modules, and what some of them look into. */
static const char *const folders[] = {"/lib", "/lib64", "/usr/lib",
    "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/var/lib/misc",
    "/var/lib/sss/mc"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/*
 * What to allow for file. Who has the name servers elsewhere replaces the file
 * there as they change: then it is the folder.
 */
static const char *
place_of(const char *file, char buf[static PATH_MAX])
{
	char *slash;

	if (strcmp(file, NAMESERVERS) != 0 || realpath(file, buf) == NULL)
		return file;
	slash = strrchr(buf, '/');
	*slash = '\0';
	return *buf == '\0' || strcmp(buf, "/etc") == 0 ? file : buf;
}

int
name_files_allow(struct landlock *l)
{
	char buf[PATH_MAX];

	for (size_t i = 0; i < COUNT(files); i++)
		if (landlock_allow(l, place_of(files[i], buf), LANDLOCK_READ) ==
		    -1)
			return -1;
	for (size_t i = 0; i < COUNT(folders); i++)
		if (landlock_allow(l, folders[i], LANDLOCK_READ) == -1)
			return -1;
	return 0;
}

uint64_t
name_files_mark(void)
{
	char buf[PATH_MAX];
	uint64_t mark = 0;
	struct stat st;

	for (size_t i = 0; i < COUNT(files); i++) {
		if (stat(place_of(files[i], buf), &st) == -1)
			st.st_dev = st.st_ino = 0;
		mark = mark * 1000003 + st.st_ino;
		mark = mark * 1000003 + st.st_dev;
	}
	return mark;
}
