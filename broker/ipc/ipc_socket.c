/* The Unix sockets where processes of the relay meet: see ipc_socket.h. */
#define _GNU_SOURCE
#include "ipc/ipc_socket.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* a reconnect storm of waiting handlers */

static int
set_path(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun->sun_path, path);
	return 0;
}

static int
seqpacket_socket(void)
{
	return socket(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* /run is empty after a boot, so the folder is often not there. */
static int
make_folder(const char *path, uid_t uid, gid_t gid)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *folder;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (mkdir(folder, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	if (geteuid() == 0 && chown(folder, uid, gid) == -1)
		return -1;
	return chmod(folder, 0755); /* mkdir's mode went through the umask */
}

static int
take_lock(const char *path, uid_t uid, gid_t gid)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -1;
	if ((geteuid() == 0 && fchown(fd, uid, gid) == -1) ||
	    flock(fd, LOCK_EX | LOCK_NB) == -1)
		fd_close(&fd);
	return fd;
}

int
ipc_socket_listen(
    const char *path, uid_t uid, gid_t gid, int *lock, struct failure *f)
{
	struct sockaddr_un sun;
	int fd = -1;

	*lock = -1;
	if (set_path(&sun, path) == -1 || make_folder(path, uid, gid) == -1)
		goto fail;
	*lock = take_lock(path, uid, gid);
	if (*lock == -1 && errno == EWOULDBLOCK)
		return failure(f, "%s: another process serves it", path);
	if (*lock == -1)
		goto fail;
	unlink(path);
	fd = seqpacket_socket();
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    (geteuid() == 0 && lchown(path, uid, gid) == -1) ||
	    chmod(path, 0666) == -1 || listen(fd, BACKLOG) == -1)
		goto fail;
	return fd;
fail:
	failure(f, "socket %s: %s", path, strerror(errno));
	fd_close(&fd);
	fd_close(lock);
	return -1;
}

int
ipc_socket_connect(const char *path)
{
	struct sockaddr_un sun;
	int fd;

	if (set_path(&sun, path) == -1)
		return -1;
	fd = seqpacket_socket();
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		fd_close(&fd);
	return fd;
}
