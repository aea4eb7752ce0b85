/* How a client of the relay is doing: see status.h. */
#define _GNU_SOURCE
#include "status/status.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "base/timestamp.h"
#include "base/unix_listener.h"
#include "dial/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define VERSION_OF_FORM 1 /* fields may come, but none goes */
#define ANSWER_MS       5000
#define ANSWER_MAX      (1 << 20)
#define ANSWERS         16 /* in one turn */
#define PLACES          3

/* ---- where ---- */

struct place {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static struct place runtime; /* a folder; "": none */

void
status_keep(void)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	/* there may be several, with colons between */
	const size_t n = folder == NULL ? 0 : strcspn(folder, ":");

	if (n > 0 && n < sizeof(runtime.path))
		memcpy(runtime.path, folder, n);
}

/* Adds "FOLDER/NAME.status" where that is short enough. */
static size_t
add(struct place *places, size_t n, const char *folder, const char *name)
{
	const int len = snprintf(places[n].path, sizeof(places[n].path),
	    "%s%s.status", folder, name);

	return len > 0 && (size_t)len < sizeof(places[n].path) ? n + 1 : n;
}

/*
 * The places of the socket, the likeliest first. The last is that of the unit
 * for systemd(1), for who asks.
 */
static size_t
find_places(
    struct place places[static PLACES], const char *program, const char *conf)
{
	const char *slash = strrchr(conf, '/');
	const char *name = slash != NULL ? slash + 1 : conf;
	const size_t len = strlen(name);
	char base[256], folder[4096];
	size_t n = 0;

	snprintf(base, sizeof(base), "%.*s",
	    (int)(len > 5 && strcmp(name + len - 5, ".conf") == 0 ? len - 5
								  : len),
	    name);
	if (runtime.path[0] != '\0') {
		snprintf(folder, sizeof(folder), "%s/", runtime.path);
		n = add(places, n, folder, *base != '\0' ? base : program);
	}
	if (*base == '\0')
		return n;
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - conf), conf);
	n = add(places, n, folder, base);
	snprintf(folder, sizeof(folder), "/run/%s/%s/", program, base);
	return add(places, n, folder, base);
}

/* ---- answering ---- */

int
status_listen(const char *program, const char *conf, struct failure *f)
{
	struct place places[PLACES];
	mode_t mask;
	int fd;

	if (find_places(places, program, conf) == 0)
		return failure(f, "%s", "");
	mask = umask(0177);
	fd = unix_listener_open(places[0].path);
	umask(mask);
	if (fd == -1)
		failure(f, "%s: %s", places[0].path, strerror(errno));
	return fd;
}

int
status_is_asked(int listener)
{
	struct pollfd pfd = {.fd = listener, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

void
status_answer(int listener, const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	int fd;

	for (int i = 0; text != NULL && i < ANSWERS; i++) {
		fd = accept4(
		    listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			break;
		/* whose buffer is too small for it gets a part, and no more */
		send(fd, text, strlen(text), MSG_NOSIGNAL);
		fd_close(&fd);
	}
	free(text);
}

json_t *
status_begin(const char *program, time_t started)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:o}", "version",
	    VERSION_OF_FORM, "program", program, "program_version", VERSION,
	    "pid", (json_int_t)getpid(), "since", status_time(started));
}

json_t *
status_text(const char *text)
{
	char *copy = strdup(text), *p;
	json_t *value;

	if (copy == NULL || *copy == '\0') {
		free(copy);
		return json_null();
	}
	for (p = copy; *p != '\0'; p++) /* it came from the other end */
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *
status_time(int64_t when)
{
	char text[WHEN_TEXT_SIZE];

	if (when <= 0)
		return json_null();
	timestamp_format((uint64_t)when, text);
	return json_string(text);
}

/* ---- asking ---- */

/* Reads all that comes from fd by the deadline. Returns its length, or -1. */
static ssize_t
read_all(int fd, char *buf, size_t size)
{
	const int64_t deadline = deadline_in(ANSWER_MS);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < size) {
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = read(fd, buf + len, size - len);
		if (n > 0)
			len += (size_t)n;
	}
	return n == -1 ? -1 : (ssize_t)len;
}

static json_t *
read_answer(int fd, const char *path, struct failure *f)
{
	char *buf = malloc(ANSWER_MAX);
	json_t *doc = NULL;
	ssize_t n = buf == NULL ? -1 : read_all(fd, buf, ANSWER_MAX);

	if (n == -1)
		failure(f, "%s: %s", path, strerror(errno));
	else if ((doc = json_loadb(buf, (size_t)n, 0, NULL)) == NULL)
		failure(f, "%s: the answer is no JSON", path);
	free(buf);
	return doc;
}

json_t *
status_ask(const char *program, const char *conf, struct failure *f)
{
	struct place places[PLACES];
	const size_t n = find_places(places, program, conf);
	struct failure why = {.text = ""};

	if (n == 0) {
		failure(f, "name the configuration file (-C)");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		int fd = dial_unix(
		    places[i].path, deadline_in(ANSWER_MS), &why);
		json_t *doc;

		if (i == 0)
			*f = why; /* the others are less likely */
		if (fd == -1)
			continue;
		doc = read_answer(fd, places[i].path, f);
		fd_close(&fd);
		return doc;
	}
	failure_prefix(f,
	    "no %s runs with this configuration, or it is not "
	    "yours to ask: ",
	    program);
	return NULL;
}

const char *
status_word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

int
status_run(const char *program, const char *conf, int json,
    void (*print)(const json_t *doc))
{
	struct failure f;
	json_t *doc = status_ask(program, conf, &f);

	if (doc == NULL)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
	if (json) {
		json_dumpf(doc, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%s %s, pid %lld, since %s\n",
		    status_word(doc, "program"),
		    status_word(doc, "program_version"),
		    (long long)json_integer_value(json_object_get(doc, "pid")),
		    status_word(doc, "since"));
		print(doc);
	}
	json_decref(doc);
	return EX_OK;
}
