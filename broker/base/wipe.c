/* To wipe memory: see wipe.h. */
#define _GNU_SOURCE
#include "base/wipe.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_BYTES 65536 /* twice what a handler was ever seen to use */

void
wipe_pages(void *at, size_t len)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char *const start = at, *const end = start + len;
	unsigned char *first = start + (page - (uintptr_t)start % page) % page;
	unsigned char *last = end - (uintptr_t)end % page;

	if (first >= last ||
	    madvise(first, (size_t)(last - first), MADV_DONTNEED) == -1) {
		explicit_bzero(at, len);
		return;
	}
	explicit_bzero(start, (size_t)(first - start));
	explicit_bzero(last, (size_t)(end - last));
}

/* A frame of its own, and so in the place of those that have returned. */
__attribute__((noinline)) void
wipe_stack(void)
{
	unsigned char below[STACK_BYTES];

	explicit_bzero(below, sizeof(below));
}
