/* Secrets in files: see secret.h. */
#include "dial/secret.h"
#include "base/fd.h"
#include "base/regular_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
secret_read(const char *path, char secret[static SECRET_MAX], struct failure *f)
{
	struct stat st;
	int fd = regular_file_open(path, &st);
	ssize_t n;

	if (fd == -1 && errno == EINVAL)
		return failure(f, "%s: not a regular file", path);
	if (fd == -1)
		return regular_file_unreadable(path, f);
	if (regular_file_check_private(&st, path, "a secret", f) == -1) {
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
