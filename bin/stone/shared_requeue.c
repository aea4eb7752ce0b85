/* Connections that wait for another session: see shared_requeue.h. */
#include "stone/shared_requeue.h"
#include "stone/single.h"

#include <stdlib.h>
#include <unistd.h>

void
shared_requeue_add(struct shared_requeue *q, size_t forward, pid_t from,
    int sock, unsigned tries)
{
	struct requeued *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		stone_single_reset(sock);
		return;
	}
	o->forward = forward;
	o->from = from;
	o->sock = sock;
	o->tries = tries;
	LIST_INSERT_HEAD(&q->all, o, entry);
}

void
shared_requeue_offer(struct shared_requeue *q,
    int (*take)(void *arg, const struct requeued *o), void *arg)
{
	struct requeued *o, *next;

	for (o = LIST_FIRST(&q->all); o != NULL; o = next) {
		next = LIST_NEXT(o, entry);
		if (!take(arg, o))
			continue;
		LIST_REMOVE(o, entry);
		free(o);
	}
}

static void
empty(struct shared_requeue *q, void (*end)(int sock))
{
	struct requeued *o;

	while ((o = LIST_FIRST(&q->all)) != NULL) {
		LIST_REMOVE(o, entry);
		end(o->sock);
		free(o);
	}
}

static void
just_close(int sock)
{
	close(sock);
}

void
shared_requeue_reset(struct shared_requeue *q)
{
	empty(q, stone_single_reset);
}

void
shared_requeue_forget(struct shared_requeue *q)
{
	empty(q, just_close);
}
