/*
 * A ring of bytes in memory that two processes share: one writes, the other
 * reads, and neither waits for a lock. Each side keeps its own position for
 * itself and checks what the other says of its position whenever it looks: a
 * handler that lies can spoil its own session and nothing else.
 *
 * Who finds nothing to do says so (ring_wait_data, ring_wait_room) before it
 * sleeps. The other side's ring_bell then tells that it has to be woken.
 */
#ifndef CHANNEL_RING_H
#define CHANNEL_RING_H

#include "ipc/hop_fds.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* In the shared memory, on cache lines of their own. */
struct ring_shared {
	_Alignas(64) _Atomic uint32_t written; /* bytes in all, modulo 2^32 */
	_Atomic uint32_t room_wanted;          /* the writer sleeps */
	_Alignas(64) _Atomic uint32_t taken;   /* likewise by the reader */
	_Atomic uint32_t data_wanted;
};

/* One process's end. */
struct ring {
	struct ring_shared *shared;
	unsigned char *bytes; /* HOP_RING_BYTES */
	uint32_t at;          /* this side's position */
};

/* ---- the writer ---- */

/*
 * Where to write next. Sets *len to how much may go there: 0 where the ring is
 * full. Returns NULL with EPROTO where the reader's position cannot be.
 */
void *ring_room(const struct ring *r, size_t *len);

/* len bytes have been put there. */
void ring_put(struct ring *r, size_t len);

/* About to sleep for want of room. Returns 1 if there is some after all. */
int ring_wait_room(const struct ring *r);

/* Whether the reader sleeps and there is something for it. */
int ring_bell_reader(const struct ring *r);

/* ---- the reader ---- */

/*
 * What to read next; *len 0: nothing is there. Returns NULL with EPROTO where
 * the writer's position cannot be.
 */
const void *ring_data(const struct ring *r, size_t *len);

/* len bytes of it have been taken. */
void ring_take(struct ring *r, size_t len);

/* About to sleep for want of data. Returns 1 if there is some after all. */
int ring_wait_data(const struct ring *r);

/* Whether the writer sleeps and half the ring is free. */
int ring_bell_writer(const struct ring *r);

#endif
