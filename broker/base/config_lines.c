/* Configuration files, line by line: see config_lines.h. */
#define _GNU_SOURCE
#include "base/config_lines.h"
#include "base/regular_file.h"

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
take_line(
    char *line, size_t len, config_lines_fn *each, void *arg, struct failure *f)
{
	char *text;

	if (len > LINE_MAX_BYTES)
		return failure(f, "line longer than %d bytes", LINE_MAX_BYTES);
	if (strlen(line) != len)
		return failure(f, "NUL byte in the line");
	text = trim(line);
	if (*text == '\0' || *text == '#')
		return 0;
	return each(arg, text, f);
}

int
config_lines_read(
    const char *path, config_lines_fn *each, void *arg, struct failure *f)
{
	unsigned number;

	return config_lines_read_numbered(path, each, arg, &number, f);
}

int
config_lines_read_numbered(const char *path, config_lines_fn *each, void *arg,
    unsigned *number, struct failure *f)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int rc = 0;

	if (file == NULL)
		return regular_file_unreadable(path, f);
	*number = 0;
	while (rc == 0 && (len = getline(&line, &size, file)) != -1) {
		++*number;
		rc = take_line(line, (size_t)len, each, arg, f);
	}
	if (rc == -1) {
		failure_prefix(f, "%s:%u: ", path, *number);
	} else if (ferror(file)) {
		failure(f, "%s: %s", path, strerror(errno));
		rc = -1;
	}
	free(line);
	fclose(file);
	return rc;
}

int
config_lines_key_value(char *line, char **key, char **value, struct failure *f)
{
	char *eq = strchr(line, '=');

	if (eq == NULL || eq == line)
		return failure(f, "not a line of the form key = value");
	*eq = '\0';
	*key = trim(line);
	*value = trim(eq + 1);
	if (**value != '\0')
		return 0;
	return failure(f, "%s has no value", *key);
}

char *
config_lines_relative(const char *path, const char *name)
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
