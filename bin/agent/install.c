/* relayagent --install: see install.h. */
#define _GNU_SOURCE
#include "agent/install.h"
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

#ifndef AGENT_USER
#define AGENT_USER "vpn-warp-agent"
#endif

struct install {
	const char *warp; /* the file, as named */
	char *name;       /* the service's */
	const struct passwd *user;
};

/* ---- files ---- */

/* Writes FOLDER name suffix anew, whole or not at all. */
static void
put(const struct install *in, const char *suffix, const void *data, size_t len,
    mode_t mode, uid_t uid)
{
	char *path, *fresh;
	int fd;

	if (asprintf(&path, FOLDER "%s%s", in->name, suffix) == -1 ||
	    asprintf(&fresh, "%s.new", path) == -1)
		program_fail(EX_OSERR, "out of memory");
	unlink(fresh); /* left by one that was cut off */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    fchown(fd, uid, uid == 0 ? 0 : in->user->pw_gid) == -1 ||
	    fchmod(fd, mode) == -1 || fsync(fd) == -1 ||
	    rename(fresh, path) == -1)
		program_fail(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	fd_close(&fd);
	printf("%s\n", path);
	free(fresh);
	free(path);
}

static void
copy(const struct install *in, const char *from, const char *suffix)
{
	struct pem_text t;
	struct failure f;

	if (pem_text_read(&t, from, 0, &f) == -1)
		program_fail(EX_NOINPUT, "%s", f.text);
	put(in, suffix, t.at, t.len, 0600, in->user->pw_uid);
	pem_text_free(&t);
}

static void
copy_all(const struct install *in)
{
	char *key = warp_key_path(in->warp);

	if (key == NULL)
		program_fail(EX_OSERR, "out of memory");
	/* the key first: who reads the other finds it */
	if (access(key, F_OK) == 0)
		copy(in, key, ".key");
	copy(in, in->warp, ".warp");
	free(key);
}

/* ---- the configuration ---- */

static int
is_warp(const struct agent_word *word)
{
	return word->option == 'f' ||
	       (word->option == AGENT_ARGUMENT && warp_is_name(word->value));
}

/* Whether a word names a file beside that one. */
static int
names_file(const struct agent_word *word)
{
	switch (word->option) {
	case 'k':
	case 'c':
	case 'a':
	case 'X':
	case AGENT_PASSFILE:
		return 1;
	case 'x':
		return strchr(word->value, ',') != NULL;
	default:
		return 0;
	}
}

/* A line of the file for a word. A service has one file, and no further. */
static void
write_word(FILE *out, const struct install *in, const struct agent_word *word)
{
	if (is_warp(word))
		fprintf(out, "-f %s.warp\n", in->name);
	else if (word->option == AGENT_ARGUMENT)
		fprintf(out, "%s\n", word->value);
	else if (names_file(word))
		program_fail(EX_USAGE,
		    "--install: %s names a further file: write a " FOLDER
		    "%s.conf by hand",
		    agent_words_name(word), in->name);
	else
		fprintf(out, "%s%s%s\n", agent_words_name(word),
		    word->value != NULL ? " " : "",
		    word->value != NULL ? word->value : "");
}

static void
write_conf(const struct install *in, const struct agent_words *words)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		program_fail(EX_OSERR, "out of memory");
	fprintf(out, "# made by relayagent --install, see relayagent(1)\n");
	for (size_t i = 0; i < words->count; i++)
		write_word(out, in, &words->list[i]);
	if (fclose(out) == EOF)
		program_fail(EX_OSERR, "out of memory");
	if (mkdir(FOLDER, 0755) == 0)
		chmod(FOLDER, 0755); /* whatever the umask is */
	copy_all(in);
	put(in, ".conf", text, len, 0644, 0);
	free(text);
}

/* ---- the service ---- */

static void
systemctl(const struct install *in, const char *verb)
{
	sigset_t none;
	char *unit;
	pid_t pid;
	int status;

	if (asprintf(&unit, "relayagent@%s.service", in->name) == -1)
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
start(const struct install *in)
{
	if (access("/run/systemd/system", F_OK) == -1) {
		printf("next: start it, here and with the host:\n"
		       "  # relayagent -D -C " FOLDER "%s.conf\n",
		    in->name);
		return;
	}
	(void)fflush(stdout);
	systemctl(in, "enable");
	/* one that ran with an older file begins anew */
	systemctl(in, "restart");
	printf("relayagent@%s.service: enabled and started; its log: "
	       "journalctl -u relayagent@%s\n",
	    in->name, in->name);
}

/* ---- all ---- */

static const char *
find_warp(const struct agent_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (is_warp(&words->list[i]))
			return words->list[i].value;
	return NULL;
}

/* NAME of NAME.warp, without its folder. */
static char *
name_of(const char *warp)
{
	const char *slash = strrchr(warp, '/');
	char *name = strdup(slash != NULL ? slash + 1 : warp), *dot;

	if (name == NULL)
		program_fail(EX_OSERR, "out of memory");
	dot = strrchr(name, '.');
	if (dot != NULL && dot != name)
		*dot = '\0';
	return name;
}

int
agent_install(const struct agent_source *source)
{
	struct install in = {.user = getpwnam(AGENT_USER)};
	struct agent_words words;
	struct agent_run run;
	struct failure f;

	if (geteuid() != 0)
		program_fail(
		    EX_NOPERM, "--install: only root can: run it as root");
	if (in.user == NULL)
		program_fail(EX_NOUSER,
		    AGENT_USER ": no such user, as whom agents run: make it, "
			       "or install relayagent as a package");
	if (agent_words_read(&words, &run, source->argc, source->argv,
		source->base, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	in.warp = find_warp(&words);
	if (in.warp == NULL || words.file != NULL)
		program_fail(EX_USAGE,
		    "--install: takes a file.warp and a target:port, no -C");
	in.name = name_of(in.warp);
	if (warp_check_name(in.name, &f) == -1)
		program_fail(EX_USAGE, "%s", f.text);
	write_conf(&in, &words);
	start(&in);
	free(in.name);
	agent_words_free(&words);
	return EX_OK;
}
