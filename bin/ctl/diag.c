/*
 * relayctl diag: all that somebody who helps would ask for, in one file. Of
 * what is on the disk it has relay.conf and the table of customers, and never a
 * key.
 */
#define _GNU_SOURCE
#include "base/fd.h"
#include "base/program.h"
#include "base/regular_file.h"
#include "base/timestamp.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/show.h"
#include "ctl/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "vpn-warp-diag/" /* of all files in the archive */

struct diag {
	const struct ctl_call *call;
	const struct relay_conf *conf;
	FILE *archive;
	unsigned files;
	time_t now;
	FILE *file; /* that is being written */
	char *text;
	size_t len;
};

/* ---- files of the archive ---- */

static void
give_up(const char *what)
{
	program_fail(EX_OSERR, "%s: %s", what, strerror(errno));
}

static void
begin(struct diag *d)
{
	d->file = open_memstream(&d->text, &d->len);
	if (d->file == NULL)
		give_up("diag");
}

static void
end(struct diag *d, const char *name)
{
	char path[TAR_NAME_MAX + 1];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	if (fclose(d->file) != 0 ||
	    tar_add(d->archive, path, d->text, d->len, d->now) == -1)
		give_up(name);
	free(d->text);
	d->files++;
}

/*
 * Copies a text file from the disk to the one that is being written. A key that
 * somebody has put there, or named by mistake, stays out.
 */
static void
copy(struct diag *d, const char *path)
{
	struct stat st;
	const int fd = regular_file_open(path, &st);
	FILE *in = fd == -1 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	int key = 0;

	fprintf(d->file, "# %s\n", path);
	if (in == NULL) {
		fprintf(d->file, "# %s\n", strerror(errno));
		return;
	}
	while (getline(&line, &size, in) != -1) {
		const int begins = strstr(line, "-----BEGIN") != NULL;
		const int ends = strstr(line, "-----END") != NULL;

		key |= begins && strstr(line, "PRIVATE KEY") != NULL;
		if (!key)
			fputs(line, d->file);
		else if (begins)
			fputs("# a key, left out\n", d->file);
		key &= !ends;
	}
	free(line);
	fclose(in);
}

static void
add_copy(struct diag *d, const char *name, const char *path)
{
	begin(d);
	copy(d, path);
	end(d, name);
}

/* ---- what the broker says ---- */

static void
add_view(struct diag *d, enum ctl_view view, const char *name)
{
	struct ctl_answer answer = ctl_ask(d->call, ctl_view_command(view), "");
	char file[64];

	begin(d);
	ctl_table(d->file, view, &answer);
	snprintf(file, sizeof(file), "%s.txt", name);
	end(d, file);
	begin(d);
	if (ctl_json(d->file, view, &answer) == -1)
		give_up(name);
	snprintf(file, sizeof(file), "%s.json", name);
	end(d, file);
	ctl_free(&answer);
}

static void
add_limits(struct diag *d)
{
	struct ctl_answer status = ctl_ask(d->call, ADMIN_STATUS, "");
	const struct row_status *s = &status.rows[0].u.status;
	char path[64];

	begin(d);
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/limits", s->pid);
	copy(d, path);
	if (s->spawner != 0) {
		snprintf(
		    path, sizeof(path), "/proc/%" PRIu32 "/limits", s->spawner);
		copy(d, path);
	}
	end(d, "limits.txt");
	ctl_free(&status);
}

static void
add_broker(struct diag *d)
{
	static const struct {
		enum ctl_view view;
		const char *name;
	} views[] = {
	    {CTL_STATUS, "status"},
	    {CTL_AGENTS, "agents"},
	    {CTL_SESSIONS, "sessions"},
	    {CTL_CUSTOMERS, "customers-used"},
	    {CTL_RECENT, "recent"},
	};

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		add_view(d, views[i].view, views[i].name);
	add_limits(d);
	begin(d);
	ctl_metrics(d->file, d->call);
	end(d, "metrics.txt");
}

/* ---- this host ---- */

static void
add_host(struct diag *d)
{
	static const char *const files[] = {"/etc/os-release", "/proc/version",
	    "/proc/uptime", "/proc/loadavg", "/proc/meminfo",
	    "/proc/net/sockstat", "/proc/sys/fs/file-nr",
	    "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max",
	    "/proc/sys/net/core/somaxconn",
	    "/proc/sys/net/ipv4/tcp_congestion_control",
	    "/proc/sys/net/ipv4/tcp_max_syn_backlog"};
	char when[WHEN_TEXT_SIZE];

	begin(d);
	timestamp_format((uint64_t)d->now, when);
	fprintf(d->file, "relayctl %s\n%s\nat %s\n", VERSION,
	    OpenSSL_version(OPENSSL_VERSION), when);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		copy(d, files[i]);
	end(d, "host.txt");
}

static void
add_check(struct diag *d, const struct check *check)
{
	begin(d);
	check_print(d->file, check);
	end(d, "check.txt");
}

/* Never into a file that is there, and never by a link. */
static void
write_archive(const char *path, const char *text, size_t len)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;
	ssize_t n = 0;

	if (fd == -1)
		program_fail(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	for (; done < len; done += (size_t)n) {
		n = write(fd, text + done, len - done);
		if (n == -1)
			break;
	}
	if (n == -1 || fsync(fd) == -1) {
		const int error = errno;

		unlink(path);
		program_fail(EX_IOERR, "%s: %s", path, strerror(error));
	}
	fd_close(&fd);
}

int
command_diag(const struct ctl_call *call)
{
	static struct check check;
	struct relay_conf conf;
	struct diag d = {.call = call, .conf = &conf, .now = time(NULL)};
	const char *path = call->arguments[0];
	struct failure f;
	char *archive;
	size_t len;

	if (relay_conf_read(&conf, call->options->conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	check_all(&check, call, &conf); /* confined from here on */
	d.archive = open_memstream(&archive, &len);
	if (d.archive == NULL)
		give_up("diag");
	add_host(&d);
	add_check(&d, &check);
	add_copy(&d, "relay.conf", call->options->conf);
	if (conf.customers != NULL)
		add_copy(&d, "customers", conf.customers);
	if (call->sock != -1)
		add_broker(&d);
	if (tar_end(d.archive) == -1 || fclose(d.archive) != 0)
		give_up("diag");
	write_archive(path, archive, len);
	printf("%s: %u files, and no key: look at them before you send them\n",
	    path, d.files);
	free(archive);
	relay_conf_free(&conf);
	return EX_OK;
}
