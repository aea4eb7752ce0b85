/*
 * Notices that a file was written or replaced, by inotify(7) on its folder.
 */
#ifndef BASE_FILEWATCH_H
#define BASE_FILEWATCH_H

#include <limits.h>

struct filewatch {
	int fd; /* readable when something has happened in the folder */
	int wd; /* -1: nothing is watched */
	char name[NAME_MAX + 1];
};

/* Watches nothing yet. Returns 0, or -1 with errno. */
int filewatch_open(struct filewatch *w);

/*
 * Watches the file at path instead, NULL for none. Returns 0, or -1 with errno:
 * then nothing is watched.
 */
int filewatch_set(struct filewatch *w, const char *path);

/* Takes in what has happened. Returns whether the file was among it. */
int filewatch_changed(struct filewatch *w);

void filewatch_close(struct filewatch *w);

#endif
