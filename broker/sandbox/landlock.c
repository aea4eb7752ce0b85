/* Landlock: see landlock.h. The C library has no calls for it. */
#define _GNU_SOURCE
#include "sandbox/landlock.h"
#include "base/fd.h"
#include "sandbox/instrumented.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <unistd.h>

/* From newer headers than Debian 12 has. */
#define FS_TRUNCATE     (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV    (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP    (1ULL << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT  (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL    (1ULL << 1)
#define RULE_NET_PORT   2
#define FS_ABI_1        ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define ABI_REFER       2
#define ABI_TRUNCATE    3
#define ABI_TCP         4
#define ABI_IOCTL_DEV   5
#define ABI_SCOPE       6

struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scoped;
};

struct port_rule {
	uint64_t rights;
	uint64_t port;
};

static uint64_t
known_files(long abi)
{
	uint64_t known = FS_ABI_1;

	if (abi >= ABI_REFER)
		known |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		known |= FS_TRUNCATE;
	if (abi >= ABI_IOCTL_DEV)
		known |= FS_IOCTL_DEV;
	return known;
}

static void
note_lack(struct landlock *l, const char *what)
{
	size_t used = strlen(l->lacks);

	snprintf(l->lacks + used, sizeof(l->lacks) - used, "%s%s",
	    used > 0 ? "," : "", what);
}

int
landlock_open(struct landlock *l, unsigned kinds)
{
	struct ruleset set = {0};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	*l = (struct landlock){.fd = -1};
	if (abi < 1) {
		note_lack(l, "landlock");
		return 0;
	}
	if ((kinds & LANDLOCK_FILES) != 0)
		set.files = l->files = known_files(abi);
	if ((kinds & LANDLOCK_TCP) != 0 && abi >= ABI_TCP) {
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
		l->tcp = 1;
	} else if ((kinds & LANDLOCK_TCP) != 0)
		note_lack(l, "landlock-tcp");
	if ((kinds & LANDLOCK_SCOPE) != 0 && abi >= ABI_SCOPE)
		set.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	else if ((kinds & LANDLOCK_SCOPE) != 0)
		note_lack(l, "landlock-scope");
	if ((set.files | set.net | set.scoped) == 0)
		return 0;
	/* an older kernel takes a longer struct whose end is zero */
	l->fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
	if (l->fd == -1)
		return -1;
	return INSTRUMENTED ? landlock_allow(l, "/", LANDLOCK_READ) : 0;
}

static uint64_t
rights_on_files(const struct landlock *l, unsigned rights)
{
	uint64_t allowed = 0;

	if ((rights & LANDLOCK_READ) != 0)
		allowed |= LANDLOCK_ACCESS_FS_READ_FILE;
	if ((rights & LANDLOCK_WRITE) != 0)
		allowed |= LANDLOCK_ACCESS_FS_WRITE_FILE |
			   LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE;
	if ((rights & LANDLOCK_REMOVE) != 0)
		allowed |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if ((rights & LANDLOCK_SOCKET) != 0)
		allowed |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	if ((rights & LANDLOCK_LIST) != 0)
		allowed |= LANDLOCK_ACCESS_FS_READ_DIR;
	return allowed & l->files;
}

int
landlock_allow(struct landlock *l, const char *path, unsigned rights)
{
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = rights_on_files(l, rights)};
	int fd, rc;

	if (l->fd == -1 || rule.allowed_access == 0)
		return 0;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	rule.parent_fd = fd;
	rc = (int)syscall(
	    SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	fd_close(&fd);
	return rc;
}

int
landlock_allow_beside(struct landlock *l, const char *path, unsigned rights)
{
	char *copy;
	int rc;

	if (path == NULL)
		return 0;
	copy = strdup(path);
	if (copy == NULL)
		return -1;
	rc = landlock_allow(l, dirname(copy), rights);
	free(copy);
	return rc;
}

int
landlock_allow_port(struct landlock *l, uint16_t port)
{
	const struct port_rule rule = {NET_CONNECT_TCP, port};

	if (l->fd == -1 || !l->tcp)
		return 0;
	return (int)syscall(
	    SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0);
}

int
landlock_enter(const struct landlock *l)
{
	if (l->fd == -1)
		return 0;
	return (int)syscall(SYS_landlock_restrict_self, l->fd, 0);
}

void
landlock_close(struct landlock *l)
{
	fd_close(&l->fd);
}
