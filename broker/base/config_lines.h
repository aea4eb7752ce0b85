/*
 * Configuration files, line by line: what every file format of the project
 * shares. Blank lines and lines that begin with # are skipped, white space at
 * both ends is cut, and an error is told as "file:line: what".
 */
#ifndef BASE_CONFIG_LINES_H
#define BASE_CONFIG_LINES_H

#include "base/failure.h"

#include <stddef.h>

#define LINE_MAX_BYTES 4096 /* longer than any path that the kernel takes */

/*
 * Takes one line, which it may write into but not keep. Returns 0, or -1 with
 * a reason in f, to which config_lines_read adds where.
 */
typedef int config_lines_fn(void *arg, char *line, struct failure *f);

/*
 * Calls each for every line of the file at path. Returns 0, or -1 with the
 * reason in f: the file cannot be read, a line is too long or holds a NUL,
 * or what each said.
 */
int config_lines_read(
    const char *path, config_lines_fn *each, void *arg, struct failure *f);

/* The same; *number is that of each line, for who keeps what is on it. */
int config_lines_read_numbered(const char *path, config_lines_fn *each,
    void *arg, unsigned *number, struct failure *f);

/*
 * Splits "key = value", white space around = optional, within line. Returns 0,
 * or -1 with a reason in f: it is not of that form, or has no value.
 */
int config_lines_key_value(
    char *line, char **key, char **value, struct failure *f);

/*
 * Makes name, as found in the file at path, relative to that file's folder
 * unless it is absolute. Returns a string that the caller frees, or NULL with
 * errno.
 */
char *config_lines_relative(const char *path, const char *name);

#endif
