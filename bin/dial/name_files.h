/*
 * The files of the system that looking a name up needs, in a sandbox: single
 * ones, since keys may lie beside them.
 */
#ifndef DIAL_NAME_FILES_H
#define DIAL_NAME_FILES_H

#include "sandbox/landlock.h"

/* Allows to read them as they are now. Returns 0, or -1 with errno. */
int name_files_allow(struct landlock *l);

/*
 * A number that changes as one of them is replaced by another file, which what
 * was allowed before then does not hold for.
 */
uint64_t name_files_mark(void);

#endif
