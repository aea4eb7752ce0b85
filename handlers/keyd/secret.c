/* The secret of vouchers: see secret.h. */
#include "keyd/secret.h"
#include "base/fd.h"
#include "base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a crash has left half written counts as none. */
static int
read_or_make(int fd, uint8_t secret[static VOUCHER_SECRET_BYTES])
{
	const size_t n = VOUCHER_SECRET_BYTES;

	if (pread(fd, secret, n, 0) == (ssize_t)n)
		return 0;
	return getrandom(secret, n, 0) == (ssize_t)n &&
		       pwrite(fd, secret, n, 0) == (ssize_t)n
		   ? 0
		   : -1;
}

int
secret_load(uint8_t secret[static VOUCHER_SECRET_BYTES], const char *socket,
    struct failure *f)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, rc = -1;

	if (snprintf(path, sizeof(path), "%s.secret", socket) >=
	    (int)sizeof(path))
		return failure(f, "%s: too long", socket);
	fd = open(
	    path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd == -1 || fstat(fd, &st) == -1)
		failure(f, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		failure(f, "%s: not its own file", path);
	else if (regular_file_check_private(&st, path, "a secret", f) == 0) {
		rc = read_or_make(fd, secret);
		if (rc == -1)
			failure(f, "%s: %s", path, strerror(errno));
	}
	fd_close(&fd);
	return rc;
}
