/*
 * Files that somebody named in a configuration, opened so that nothing else
 * than a file can do harm: no FIFO or device holds the program up, no terminal
 * becomes its own.
 */
#ifndef BASE_REGULAR_FILE_H
#define BASE_REGULAR_FILE_H

#include "base/failure.h"

#include <sys/stat.h>

/*
 * Opens the regular file at path for reading and sets *st, as fstat(2) does.
 * Returns a close-on-exec fd, which the caller closes, or -1 with errno: EINVAL
 * where it is something else.
 */
int regular_file_open(const char *path, struct stat *st);

/*
 * Says why the file at path cannot be read, by errno; and to whom it is closed,
 * if it is: who started the program is often somebody else. Returns -1, with f.
 */
int regular_file_unreadable(const char *path, struct failure *f);

/*
 * Whether nobody but its owner can read or write the file at path, of which st
 * tells. Returns 0, or -1 with a reason in f; what, "a key", is what it holds.
 */
int regular_file_check_private(const struct stat *st, const char *path,
    const char *what, struct failure *f);

#endif
