/* A ring of bytes between two processes: see ring.h. */
#include "channel/ring.h"

#include <errno.h>

#define MASK (HOP_RING_BYTES - 1)

_Static_assert((HOP_RING_BYTES & MASK) == 0, "not a power of two");

/* From position at, len bytes: as far as they lie in one piece. */
static size_t
in_one_piece(uint32_t at, size_t len)
{
	size_t to_end = HOP_RING_BYTES - (at & MASK);

	return len < to_end ? len : to_end;
}

/* Bytes in the ring, or -1 with EPROTO. */
static int64_t
filled(uint32_t written, uint32_t taken)
{
	uint32_t n = written - taken;

	if (n <= HOP_RING_BYTES)
		return n;
	errno = EPROTO;
	return -1;
}

/* ---- the writer ---- */

void *
ring_room(const struct ring *r, size_t *len)
{
	int64_t n = filled(r->at,
	    atomic_load_explicit(&r->shared->taken, memory_order_acquire));

	if (n == -1)
		return NULL;
	*len = in_one_piece(r->at, HOP_RING_BYTES - (size_t)n);
	return r->bytes + (r->at & MASK);
}

void
ring_put(struct ring *r, size_t len)
{
	r->at += (uint32_t)len;
	atomic_store(&r->shared->written, r->at);
}

int
ring_wait_room(const struct ring *r)
{
	atomic_store(&r->shared->room_wanted, 1);
	return r->at - atomic_load(&r->shared->taken) < HOP_RING_BYTES;
}

int
ring_bell_reader(const struct ring *r)
{
	return atomic_load(&r->shared->data_wanted) != 0 &&
	       atomic_load(&r->shared->taken) != r->at &&
	       atomic_exchange(&r->shared->data_wanted, 0) != 0;
}

/* ---- the reader ---- */

const void *
ring_data(const struct ring *r, size_t *len)
{
	int64_t n = filled(
	    atomic_load_explicit(&r->shared->written, memory_order_acquire),
	    r->at);

	if (n == -1)
		return NULL;
	*len = in_one_piece(r->at, (size_t)n);
	return r->bytes + (r->at & MASK);
}

void
ring_take(struct ring *r, size_t len)
{
	r->at += (uint32_t)len;
	atomic_store(&r->shared->taken, r->at);
}

int
ring_wait_data(const struct ring *r)
{
	atomic_store(&r->shared->data_wanted, 1);
	return atomic_load(&r->shared->written) != r->at;
}

int
ring_bell_writer(const struct ring *r)
{
	return atomic_load(&r->shared->room_wanted) != 0 &&
	       atomic_load(&r->shared->written) - r->at <= HOP_RING_BYTES / 2 &&
	       atomic_exchange(&r->shared->room_wanted, 0) != 0;
}
