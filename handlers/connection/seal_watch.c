/* Whether an answer seals the session: see seal_watch.h. */
#define _GNU_SOURCE
#include "connection/seal_watch.h"
#include "base/container.h"

#include <string.h>

#define SEALS "\r\nX-Seal: 1\r\n"

void
seal_watch_look(struct seal_watch *w, const void *buf, size_t len)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4);

	if (w->seen || len == 0)
		return;
	w->seen = 1; /* agents write their heads in one piece */
	w->sealed = end != NULL &&
		    memmem(buf, (size_t)(end - (const char *)buf) + 2, SEALS,
			strlen(SEALS)) != NULL;
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
