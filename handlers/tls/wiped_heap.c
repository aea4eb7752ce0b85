/* OpenSSL's heap: see wiped_heap.h. */
#define _GNU_SOURCE
#include "tls/wiped_heap.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static int wipes;

static void *
allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void
release(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (wipes && p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc(3) would leave a copy where it moves one. */
static void *
resize(void *p, size_t size, const char *file, int line)
{
	size_t held;
	void *moved;

	if (!wipes || p == NULL)
		return realloc(p, size);
	if (size == 0) {
		release(p, file, line);
		return NULL;
	}
	moved = malloc(size);
	if (moved == NULL)
		return NULL;
	held = malloc_usable_size(p);
	memcpy(moved, p, held < size ? held : size);
	release(p, file, line);
	return moved;
}

int
wiped_heap_init(void)
{
	return CRYPTO_set_mem_functions(allocate, resize, release) == 1 ? 0
									: -1;
}

void
wiped_heap_begin(void)
{
	wipes = 1;
}
