/*
 * To wipe memory of which nothing may be left: what a handler had of a
 * connection, before it serves the next one.
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

/*
 * Wipes len bytes at at, of memory of this process's own (no mapping of a
 * file). Whole pages go back to the kernel, and are zero when they are next
 * touched: for what is large and seldom used.
 */
void wipe_pages(void *at, size_t len);

/*
 * Wipes what calls that have returned left below the caller's own frame on the
 * stack, as far as any call of the relay's and OpenSSL's goes.
 */
void wipe_stack(void);

#endif
