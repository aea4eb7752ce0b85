/* Notices that a file was written or replaced: see filewatch.h. */
#include "base/filewatch.h"
#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS_SIZE 4096 /* bytes of events that are read at once */

int
filewatch_open(struct filewatch *w)
{
	w->wd = -1;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return w->fd == -1 ? -1 : 0;
}

/*
 * A file that is written is looked at when its writer closes it; one that is
 * replaced, as it should be, when it gets its name. install(1) lets others read
 * it only then.
 */
static int
watch_folder(const struct filewatch *w, const char *path, const char *slash)
{
	char *folder;
	int wd;

	if (slash == NULL)
		folder = strdup(".");
	else
		folder = strndup(path, (size_t)(slash - path) + 1);
	if (folder == NULL)
		return -1;
	wd = inotify_add_watch(
	    w->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB);
	free(folder);
	return wd;
}

int
filewatch_set(struct filewatch *w, const char *path)
{
	const char *slash, *name;
	int before = w->wd;

	w->wd = -1;
	w->name[0] = '\0';
	if (path != NULL) {
		slash = strrchr(path, '/');
		name = slash == NULL ? path : slash + 1;
		w->wd = watch_folder(w, path, slash);
		snprintf(w->name, sizeof(w->name), "%s", name);
	}
	/* the same folder has the same number again */
	if (before != -1 && before != w->wd)
		inotify_rm_watch(w->fd, before);
	return path != NULL && w->wd == -1 ? -1 : 0;
}

int
filewatch_changed(struct filewatch *w)
{
	union {
		struct inotify_event align;
		char bytes[EVENTS_SIZE];
	} buf;
	const struct inotify_event *event;
	int changed = 0;
	ssize_t n;

	while ((n = read(w->fd, &buf, sizeof(buf))) > 0)
		for (char *at = buf.bytes; at < buf.bytes + n;
		     at += sizeof(*event) + event->len) {
			event = (const void *)at;
			if (event->wd == w->wd && event->len > 0 &&
			    strcmp(event->name, w->name) == 0)
				changed = 1;
		}
	return changed;
}

void
filewatch_close(struct filewatch *w)
{
	fd_close(&w->fd);
}
