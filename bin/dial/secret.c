/* Secrets in files: see secret.h. */
#include "dial/secret.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check_file(int fd, const char *path, struct failure *f)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return failure(f, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failure(f, "%s: not a regular file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return failure(f,
		    "%s: a secret that others can read or write (mode %04o); "
		    "chmod 600 it",
		    path, st.st_mode & 07777);
	return 0;
}

int
secret_read(const char *path, char secret[static SECRET_MAX], struct failure *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd == -1)
		return failure(f, "%s: %s", path, strerror(errno));
	if (check_file(fd, path, f) == -1) {
		fd_close(&fd);
		return -1;
	}
	n = read(fd, secret, SECRET_MAX - 1);
	if (n == -1)
		failure(f, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	if (n == -1)
		return -1;
	secret[n] = '\0';
	secret[strcspn(secret, "\r\n")] = '\0';
	if (*secret != '\0')
		return 0;
	return failure(f, "%s: its first line is empty", path);
}
