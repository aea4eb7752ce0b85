/*
 * What the fuzzers share: input taken piece by piece, a file with given
 * contents, and a way to say that something must hold.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Aborts, which libFuzzer reports with the input, unless what holds. */
#define MUST(what)                                                             \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__,    \
			    __LINE__, #what);                                  \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The rest of an input. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* One byte; 0 behind the end. */
unsigned fuzz_byte(struct fuzz_input *in);

/* Up to size bytes into buf. Returns how many. */
size_t fuzz_bytes(struct fuzz_input *in, void *buf, size_t size);

/* The path of a file, the same at each call, that now holds data. */
const char *fuzz_file(const void *data, size_t size);

/* A copy of data that ends in NUL; free it. */
char *fuzz_string(const void *data, size_t size);

/* How many descriptors are open below 64. */
unsigned fuzz_open_fds(void);

#endif
