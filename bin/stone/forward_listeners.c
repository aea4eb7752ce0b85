/* The forwards' listeners: see forward_listeners.h. */
#include "stone/forward_listeners.h"
#include "base/fd.h"
#include "stone/listener.h"

#include <unistd.h>

static struct forward *
at_same_place(struct forwards *set, const struct stone_listen *where)
{
	for (size_t i = 0; set != NULL && i < set->conf.nforwards; i++)
		if (stone_endpoint_same(&set->list[i].conf->listen, where))
			return &set->list[i];
	return NULL;
}

int
forwards_listen(struct forwards *set, struct forwards *old, struct failure *f)
{
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		struct forward *forward = &set->list[i];

		if (at_same_place(old, &forward->conf->listen) != NULL)
			continue;
		forward->listener = listener_open(&forward->conf->listen, f);
		if (forward->listener == -1)
			return stone_words_locate(
			    f, forward->conf->file, forward->conf->line);
	}
	/* nothing can fail any more */
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		struct forward *forward = &set->list[i];
		struct forward *same = at_same_place(
		    old, &forward->conf->listen);

		if (forward->listener == -1 && same != NULL) {
			forward->listener = same->listener;
			same->listener = -1;
		}
	}
	return 0;
}

void
forwards_close(struct forwards *set)
{
	for (size_t i = 0; i < set->conf.nforwards; i++)
		fd_close(&set->list[i].listener);
}

void
forwards_unlink(const struct forwards *set)
{
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		const struct forward *f = &set->list[i];

		if (f->listener != -1 && f->conf->listen.path != NULL)
			unlink(f->conf->listen.path);
	}
}
