/* Regular files: see regular_file.h. */
#include "base/regular_file.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
regular_file_open(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1)
		return -1;
	if (fstat(fd, st) == -1) {
		fd_close(&fd);
	} else if (!S_ISREG(st->st_mode)) {
		errno = EINVAL;
		fd_close(&fd);
	}
	return fd;
}

int
regular_file_unreadable(const char *path, struct failure *f)
{
	if (errno != EACCES)
		return failure(f, "%s: %s", path, strerror(errno));
	return failure(f, "%s: %s for uid %lu: chown it to that user", path,
	    strerror(errno), (unsigned long)geteuid());
}

int
regular_file_check_private(const struct stat *st, const char *path,
    const char *what, struct failure *f)
{
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return 0;
	return failure(f,
	    "%s: %s that others can read or write (mode %04o); chmod 600 it",
	    path, what, st->st_mode & 07777);
}
