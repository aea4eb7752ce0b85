/*
 * A file with keys or certificates, whole in memory and wiped after use, so
 * that no copy of a key stays in a stdio buffer.
 */
#ifndef TLS_PEM_TEXT_H
#define TLS_PEM_TEXT_H

#include "base/failure.h"

#include <stddef.h>
#include <sys/stat.h>

struct pem_text {
	unsigned char *at;
	size_t len;
	struct stat st; /* of the file */
};

/*
 * Reads the regular file at path, of 1 byte to 1 MiB. secret: one with group or
 * other bits is refused. Returns 0, or -1 with a reason in f; pem_text_free
 * gives it back.
 */
int pem_text_read(
    struct pem_text *t, const char *path, int secret, struct failure *f);

/* Wipes and frees it. Safe where nothing was read. */
void pem_text_free(struct pem_text *t);

#endif
