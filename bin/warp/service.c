/* A client as a service: see service.h. */
#define _GNU_SOURCE
#include "warp/service.h"
#include "base/fd.h"
#include "base/program.h"
#include "tls/pem_text.h"
#include "warp/request.h"
#include "warp/warp.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER SYSCONFDIR "/vpn-warp/"

/* ---- what is asked for ---- */

void
warp_service_begin(
    struct warp_service *s, const char *program, const char *user)
{
	const struct passwd *pw = getpwnam(user);

	if (geteuid() != 0)
		program_fail(
		    EX_NOPERM, "--install: only root can: run it as root");
	if (pw == NULL)
		program_fail(EX_NOUSER,
		    "%s: no such user, as whom the service runs: make it, or "
		    "install %s as a package",
		    user, program);
	*s = (struct warp_service){
	    .program = program, .uid = pw->pw_uid, .gid = pw->pw_gid};
}

void
warp_service_take(struct warp_service *s, const char *warp)
{
	const char *base;
	struct failure f;
	char *dot;

	if (warp == NULL)
		program_fail(EX_USAGE, "--install: takes one file.warp, no -C");
	base = strrchr(warp, '/');
	base = base != NULL ? base + 1 : warp;
	s->warp = warp;
	if ((size_t)snprintf(s->name, sizeof(s->name), "%s", base) >=
	    sizeof(s->name))
		program_fail(EX_USAGE, "%s: not a good name: too long", base);
	dot = strrchr(s->name, '.');
	if (dot != NULL && dot != s->name)
		*dot = '\0';
	if (warp_check_name(s->name, &f) == -1)
		program_fail(EX_USAGE, "%s", f.text);
}

void
warp_service_no_further(const struct warp_service *s, const char *word)
{
	program_fail(EX_USAGE,
	    "--install: %s names a further file: write a " FOLDER
	    "%s.conf by hand",
	    word, s->name);
}

/* ---- files ---- */

static char *
path_of(const struct warp_service *s, const char *suffix)
{
	char *path;

	if (asprintf(&path, FOLDER "%s%s", s->name, suffix) == -1)
		program_fail(EX_OSERR, "out of memory");
	return path;
}

/* Writes FOLDER name suffix anew, whole or not at all. */
static void
put(const struct warp_service *s, const char *suffix, const void *data,
    size_t len, mode_t mode, uid_t uid)
{
	char *path = path_of(s, suffix), *fresh;
	int fd;

	if (asprintf(&fresh, "%s.new", path) == -1)
		program_fail(EX_OSERR, "out of memory");
	unlink(fresh); /* left by one that was cut off */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    fchown(fd, uid, uid == 0 ? 0 : s->gid) == -1 ||
	    fchmod(fd, mode) == -1 || fsync(fd) == -1 ||
	    rename(fresh, path) == -1)
		program_fail(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	printf("%s\n", path);
	free(fresh);
	free(path);
}

static void
copy(const struct warp_service *s, const char *from, const char *suffix)
{
	struct pem_text t;
	struct failure f;

	if (pem_text_read(&t, from, 0, &f) == -1)
		program_fail(EX_NOINPUT, "%s", f.text);
	put(s, suffix, t.at, t.len, 0600, s->uid);
	pem_text_free(&t);
}

static void
copy_all(const struct warp_service *s)
{
	char *key = warp_key_path(s->warp);

	if (key == NULL)
		program_fail(EX_OSERR, "out of memory");
	/* the key first: who reads the other finds it */
	if (access(key, F_OK) == 0)
		copy(s, key, ".key");
	copy(s, s->warp, ".warp");
	free(key);
}

/* The first line of a configuration that is ours to replace. */
static char *
mark(const struct warp_service *s)
{
	char *line;

	if (asprintf(&line, "# made by %s --install, see %s(1)\n", s->program,
		s->program) == -1)
		program_fail(EX_OSERR, "out of memory");
	return line;
}

/* What a person has written, or the other program, is not lost. */
static void
check_older(const struct warp_service *s, const char *first)
{
	char *path = path_of(s, ".conf"), *line = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL && errno != ENOENT)
		program_fail(EX_NOINPUT, "%s: %s", path, strerror(errno));
	if (file != NULL &&
	    (getline(&line, &size, file) == -1 || strcmp(line, first) != 0))
		program_fail(EX_CANTCREAT,
		    "%s: there already, and not made by %s --install: give "
		    "%s another name",
		    path, s->program, s->warp);
	if (file != NULL)
		fclose(file);
	free(line);
	free(path);
}

static void
write_files(const struct warp_service *s, const char *text, size_t len)
{
	char *first = mark(s), *all;
	int n;

	check_older(s, first);
	if (mkdir(FOLDER, 0755) == 0)
		chmod(FOLDER, 0755); /* whatever the umask is */
	copy_all(s);
	n = asprintf(&all, "%s%.*s", first, (int)len, text);
	if (n == -1)
		program_fail(EX_OSERR, "out of memory");
	put(s, ".conf", all, (size_t)n, 0644, 0);
	free(all);
	free(first);
}

/* ---- the unit ---- */

static void
systemctl(const struct warp_service *s, const char *verb)
{
	sigset_t none;
	char *unit;
	pid_t pid;
	int status;

	if (asprintf(&unit, "%s@%s.service", s->program, s->name) == -1)
		program_fail(EX_OSERR, "out of memory");
	pid = fork();
	if (pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execlp("systemctl", "systemctl", "-q", verb, unit, NULL);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0)
		program_fail(EX_UNAVAILABLE,
		    "systemctl %s %s: failed: see systemctl status %s", verb,
		    unit, unit);
	free(unit);
}

static void
start(const struct warp_service *s)
{
	if (access("/run/systemd/system", F_OK) == -1) {
		printf("next: start it, here and with the host:\n"
		       "  # %s -D -C " FOLDER "%s.conf\n",
		    s->program, s->name);
		return;
	}
	(void)fflush(stdout);
	systemctl(s, "enable");
	/* one that ran with an older file begins anew */
	systemctl(s, "restart");
	printf("%s@%s.service: enabled and started; its log: "
	       "journalctl -u %s@%s\n",
	    s->program, s->name, s->program, s->name);
}

void
warp_service_install(const struct warp_service *s, const char *text, size_t len)
{
	write_files(s, text, len);
	start(s);
}
