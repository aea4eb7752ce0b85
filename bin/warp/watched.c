/* Files that were read: see watched.h. */
#define _GNU_SOURCE
#include "warp/watched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A number that changes as the file at path is replaced or written; 0: none. */
static uint64_t
mark_of(const char *path)
{
	struct stat st;
	uint64_t mark;

	if (stat(path, &st) == -1)
		return 0;
	mark = (uint64_t)st.st_dev;
	mark = mark * 1000003 + (uint64_t)st.st_ino;
	mark = mark * 1000003 + (uint64_t)st.st_size;
	mark = mark * 1000003 + (uint64_t)st.st_mtim.tv_sec;
	mark = mark * 1000003 + (uint64_t)st.st_mtim.tv_nsec;
	return mark != 0 ? mark : 1;
}

int
watched_add(struct watched *w, const char *folder, const char *path)
{
	struct watched_file *list, *file;

	list = reallocarray(w->list, w->count + 1, sizeof(*list));
	if (list == NULL)
		return -1;
	w->list = list;
	file = &list[w->count];
	if (asprintf(&file->path, "%s%s",
		*path == '/' || folder == NULL ? "" : folder, path) == -1) {
		errno = ENOMEM;
		return -1;
	}
	file->read = file->seen = mark_of(file->path);
	w->count++;
	return 0;
}

const char *
watched_replaced(struct watched *w)
{
	const char *path = NULL;
	int moving = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct watched_file *file = &w->list[i];
		const uint64_t now = mark_of(file->path);

		moving |= now != file->seen;
		if (now != file->read)
			path = file->path;
		file->seen = now;
	}
	/* key and certificate come one after the other */
	if (moving || path == NULL)
		return NULL;
	for (size_t i = 0; i < w->count; i++)
		w->list[i].read = w->list[i].seen;
	return path;
}

void
watched_free(struct watched *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->list[i].path);
	free(w->list);
	*w = (struct watched){.list = NULL};
}
