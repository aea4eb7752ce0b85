/* File descriptors: see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void
fd_close(int *fd)
{
	int saved = errno;

	if (*fd != -1)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int
fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
fd_sane_std(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd == -1)
			return -1;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static int
same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int
fd_take_inetd_socket(void)
{
	socklen_t len = sizeof(int);
	int type, null, std, sock;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		return -1;
	sock = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (sock == -1)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1)
		goto fail;
	for (std = STDIN_FILENO; std <= STDERR_FILENO; std++) {
		if (std == STDERR_FILENO && !same_file(std, sock))
			break;
		if (dup2(null, std) == -1)
			goto fail;
	}
	if (null > STDERR_FILENO)
		fd_close(&null);
	if (fd_sane_std() == -1)
		goto fail;
	return sock;
fail:
	fd_close(&sock);
	return -1;
}

uint32_t
fd_open_ones(unsigned n)
{
	struct pollfd pfd[32];
	uint32_t open_ones = 0;

	for (unsigned i = 0; i < n; i++)
		pfd[i] = (struct pollfd){.fd = (int)i};
	if (poll(pfd, n, 0) == -1)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if ((pfd[i].revents & POLLNVAL) == 0)
			open_ones |= (uint32_t)1 << i;
	return open_ones;
}

int
fd_stderr_usable(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == -1)
		return 0;
	return !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}
