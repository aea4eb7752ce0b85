/* Configuration files, line by line: see lines.h. */
#define _GNU_SOURCE
#include "lines.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return s;
}

static int
take_line(char *line, size_t len, lines_fn *each, void *arg, char *err,
    size_t errsize)
{
	char *text;

	if (len > LINE_MAX_BYTES) {
		snprintf(
		    err, errsize, "line longer than %d bytes", LINE_MAX_BYTES);
		return -1;
	}
	if (strlen(line) != len) {
		snprintf(err, errsize, "NUL byte in the line");
		return -1;
	}
	text = trim(line);
	if (*text == '\0' || *text == '#')
		return 0;
	return each(arg, text, err, errsize);
}

int
lines_read(
    const char *path, lines_fn *each, void *arg, char *err, size_t errsize)
{
	FILE *file = fopen(path, "re");
	unsigned number = 0;
	char *line = NULL, why[512];
	size_t size = 0;
	ssize_t len;
	int rc = 0;

	if (file == NULL) {
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
		return -1;
	}
	while (rc == 0 && (len = getline(&line, &size, file)) != -1) {
		number++;
		rc = take_line(line, (size_t)len, each, arg, why, sizeof(why));
	}
	if (rc == -1) {
		snprintf(err, errsize, "%s:%u: %s", path, number, why);
	} else if (ferror(file)) {
		snprintf(err, errsize, "%s: %s", path, strerror(errno));
		rc = -1;
	}
	free(line);
	fclose(file);
	return rc;
}

int
lines_key_value(char *line, char **key, char **value, char *err, size_t errsize)
{
	char *eq = strchr(line, '=');

	if (eq == NULL || eq == line) {
		snprintf(err, errsize, "not a line of the form key = value");
		return -1;
	}
	*eq = '\0';
	*key = trim(line);
	*value = trim(eq + 1);
	if (**value != '\0')
		return 0;
	snprintf(err, errsize, "%s has no value", *key);
	return -1;
}

char *
lines_relative(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *joined;

	if (*name == '/' || slash == NULL)
		return strdup(name);
	if (asprintf(&joined, "%.*s%s", (int)(slash - path) + 1, path, name) ==
	    -1)
		return NULL;
	return joined;
}
