/* Secrets in files: see secret.h. */
#include "secret.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check_file(int fd, const char *path, char *err, size_t errsize)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(err, errsize, "%s: not a regular file", path);
		return -1;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		snprintf(err, errsize,
		    "%s: a secret that others can read or write (mode %04o); "
		    "chmod 600 it",
		    path, st.st_mode & 07777);
		return -1;
	}
	return 0;
}

int
secret_read(
    const char *path, char secret[static SECRET_MAX], char *err, size_t errsize)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd == -1) {
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (check_file(fd, path, err, errsize) == -1) {
		fd_close(&fd);
		return -1;
	}
	n = read(fd, secret, SECRET_MAX - 1);
	if (n == -1)
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	if (n == -1)
		return -1;
	secret[n] = '\0';
	secret[strcspn(secret, "\r\n")] = '\0';
	if (*secret != '\0')
		return 0;
	snprintf(err, errsize, "%s: its first line is empty", path);
	return -1;
}
