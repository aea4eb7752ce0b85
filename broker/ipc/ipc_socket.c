/* The Unix sockets where processes of the relay meet: see ipc_socket.h. */
#define _GNU_SOURCE
#include "ipc/ipc_socket.h"
#include "base/fd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
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

/*
 * /run is empty after a boot, so the folder is often not there. It is the
 * relay's user's; nothing that root does in it could not be turned elsewhere.
 */
static int
make_folder(const char *path, uid_t uid, gid_t gid)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *folder;
	struct stat st;
	int fd, rc = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (mkdir(folder, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	/* by fd: a name may have become that of something else */
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		goto out;
	errno = EPERM;
	if (st.st_uid != geteuid())
		goto out;
	/* mkdir's mode went through the umask */
	if (fchmod(fd, 0755) == 0 &&
	    (st.st_uid != 0 || fchown(fd, uid, gid) == 0))
		rc = 0;
out:
	fd_close(&fd);
	return rc;
}

static int
take_lock(const char *path)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1)
		fd_close(&fd);
	return fd;
}

/*
 * Root acts as the relay's user, with the group that the socket gets, and no
 * other. Returns 0, or -1 with errno.
 */
static int
become_for_now(uid_t uid, gid_t gid)
{
	return setgroups(0, NULL) == -1 || setegid(gid) == -1 ||
		       seteuid(uid) == -1
		   ? -1
		   : 0;
}

/* Back to root, who goes on to drop its rights for good. */
static int
become_root_again(int was_root)
{
	return was_root && (seteuid(0) == -1 || setegid(0) == -1) ? -1 : 0;
}

/*
 * Lets the members of a second group connect, by an entry of an ACL, since a
 * mode has room for one. Returns 0, or -1 with errno.
 */
static int
open_to(const char *path, gid_t group)
{
	/* as setxattr(2) has it: all fields are little-endian */
	static const struct {
		uint16_t tag, permissions;
	} entries[] = {
	    {0x01, 6}, /* the owner */
	    {0x04, 6}, /* the group */
	    {0x08, 6}, /* this group */
	    {0x10, 6}, /* at most, but for the owner */
	    {0x20, 0}, /* others */
	};
	struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entries[sizeof(entries) / sizeof(*entries)];
	} acl = {.version = htole32(2)};

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		acl.entries[i].tag = htole16(entries[i].tag);
		acl.entries[i].permissions = htole16(entries[i].permissions);
		acl.entries[i].id = htole32(
		    entries[i].tag == 0x08 ? group : UINT32_MAX);
	}
	return lsetxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0);
}

/* The mode comes from the umask: chmod(2) goes by a name, too. */
static int
bind_and_listen(const struct sockaddr_un *sun, gid_t group, gid_t other)
{
	const mode_t mask = umask(group == (gid_t)-1 ? 0177 : 0117);
	int fd = seqpacket_socket();

	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == -1 ||
	    (group != (gid_t)-1 && getegid() != group &&
		lchown(sun->sun_path, (uid_t)-1, group) == -1) ||
	    (other != (gid_t)-1 && open_to(sun->sun_path, other) == -1) ||
	    listen(fd, BACKLOG) == -1)
		fd_close(&fd);
	umask(mask);
	return fd;
}

int
ipc_socket_listen(const char *path, const struct ipc_socket_access *access,
    int *lock, struct failure *f)
{
	const uid_t uid = access->uid;
	const gid_t gid = access->gid, *groups = access->groups;
	/* what the mode has room for, and what not */
	const int one = groups[0] == (gid_t)-1 || groups[0] == groups[1];
	const gid_t group = groups[one], other = one ? (gid_t)-1 : groups[1];
	const int is_root = geteuid() == 0 && uid != 0;
	struct sockaddr_un sun;
	int fd = -1, error;

	*lock = -1;
	if (set_path(&sun, path) == -1 || make_folder(path, uid, gid) == -1 ||
	    (is_root &&
		become_for_now(uid, group == (gid_t)-1 ? gid : group) == -1))
		goto out;
	*lock = take_lock(path);
	if (*lock != -1) {
		unlink(path);
		fd = bind_and_listen(&sun, group, other);
	}
out:
	error = errno;
	if (become_root_again(is_root) == -1) {
		error = errno;
		fd_close(&fd);
	}
	if (fd != -1)
		return fd;
	if (*lock == -1 && error == EWOULDBLOCK)
		return failure(f, "%s: another process serves it", path);
	fd_close(lock);
	return failure(f, "socket %s: %s", path, strerror(error));
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

int
ipc_socket_badge(void)
{
	/* no more than the family: the kernel makes up a name (unix(7)) */
	const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
	int fd = seqpacket_socket();

	if (fd != -1 && (bind(fd, (const struct sockaddr *)&nameless,
			     sizeof(nameless.sun_family)) == -1 ||
			    listen(fd, 0) == -1))
		fd_close(&fd);
	return fd;
}

int
ipc_socket_is_badge(int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
	       listens;
}
