/* Whether an answer seals the session: see seal_watch.h. */
#include "connection/seal_watch.h"
#include "base/container.h"

#include <string.h>

#define HEAD_MAX 8192 /* an answer's that is longer is none to relay-stone */

static const char seals[] = "X-Seal: 1\r";

_Static_assert(
    sizeof(seals) <= sizeof(((struct seal_watch *)0)->line), "no room");

/* A line has ended, or, where it is empty, the head. */
static void
end_line(struct seal_watch *w)
{
	if (w->len == strlen(seals) && memcmp(w->line, seals, w->len) == 0)
		w->sealed = 1;
	w->seen = w->len == 1 && w->line[0] == '\r';
	w->len = 0;
}

void
seal_watch_look(struct seal_watch *w, const void *buf, size_t len)
{
	const char *p = buf;

	for (; len > 0 && !w->seen; p++, len--) {
		if (*p == '\n') {
			end_line(w);
		} else {
			if (w->len < sizeof(w->line))
				w->line[w->len] = *p;
			w->len++;
		}
		if (++w->head == HEAD_MAX)
			w->seen = 1;
	}
}

static ssize_t
watch_read(struct channel *ch, void *buf, size_t len)
{
	ssize_t n = channel_pass_read(ch, buf, len);

	if (n > 0)
		seal_watch_look(CONTAINER_OF(ch, struct seal_watch, channel),
		    buf, (size_t)n);
	return n;
}

void
seal_watch(struct seal_watch *w, struct channel *under)
{
	static const struct channel_ops ops = {
	    .read = watch_read,
	    .write = channel_pass_write,
	    .finish = channel_pass_finish,
	    .expect_bulk = channel_pass_bulk,
	};

	*w = (struct seal_watch){.seen = 0};
	channel_over(&w->channel, &ops, under);
}
