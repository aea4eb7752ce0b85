/*
 * Text for others to collect, printed or as a file that is written in one step:
 * they never see half of it, and who may write to its folder cannot lead us
 * elsewhere by a link.
 */
#ifndef BASE_TEXTFILE_H
#define BASE_TEXTFILE_H

#include "base/failure.h"

#include <limits.h>
#include <stdio.h>

struct textfile {
	FILE *out; /* to write to */
	const char *path;
	char partial[PATH_MAX]; /* beside path, until it is whole */
};

/*
 * Begins the file path, which is kept, for everybody to read; NULL: standard
 * output. Returns 0, or -1 with a reason in f. textfile_close ends it.
 */
int textfile_open(struct textfile *t, const char *path, struct failure *f);

/*
 * Puts the file in the place of the one that was there. Returns 0, or -1 with a
 * reason in f, and what was there stays.
 */
int textfile_close(struct textfile *t, struct failure *f);

#endif
