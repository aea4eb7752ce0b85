/* Files that are written in one step: see textfile.h. */
#define _GNU_SOURCE
#include "base/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".XXXXXX" /* of mkostemp(3) */

int
textfile_open(struct textfile *t, const char *path, struct failure *f)
{
	int fd;

	*t = (struct textfile){.out = stdout, .path = path};
	if (path == NULL)
		return 0;
	if ((size_t)snprintf(t->partial, sizeof(t->partial), "%s" SUFFIX,
		path) >= sizeof(t->partial))
		return failure(f, "%s: too long", path);
	fd = mkostemp(t->partial, O_CLOEXEC);
	t->out = fd == -1 ? NULL : fdopen(fd, "w");
	if (t->out == NULL)
		return failure(f, "%s: %s", t->partial, strerror(errno));
	fchmod(fd, 0644); /* the collector is another user */
	return 0;
}

int
textfile_close(struct textfile *t, struct failure *f)
{
	if (t->path == NULL) {
		if (ferror(t->out) | fflush(t->out))
			return failure(f, "output: %s", strerror(errno));
		return 0;
	}
	if (ferror(t->out) | fclose(t->out) ||
	    rename(t->partial, t->path) == -1) {
		failure(f, "%s: %s", t->path, strerror(errno));
		unlink(t->partial);
		return -1;
	}
	return 0;
}
