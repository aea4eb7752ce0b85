/* A file with keys or certificates: see pem_text.h. */
#define _GNU_SOURCE
#include "tls/pem_text.h"
#include "base/fd.h"
#include "base/regular_file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)

void
pem_text_free(struct pem_text *t)
{
	OPENSSL_clear_free(t->at, t->len);
	t->at = NULL;
}

/* Opens the file at path. Returns an fd and sets t->st, or -1. */
static int
open_text(struct pem_text *t, const char *path, int secret, struct failure *f)
{
	int fd = regular_file_open(path, &t->st);

	if (fd == -1 && errno != EINVAL)
		return regular_file_unreadable(path, f);
	if (fd == -1 || t->st.st_size < 1 || t->st.st_size > FILE_MAX_BYTES) {
		failure(f, "%s: not a regular file of 1 to %d bytes", path,
		    FILE_MAX_BYTES);
		goto fail;
	}
	if (secret &&
	    regular_file_check_private(&t->st, path, "a key", f) == -1)
		goto fail;
	return fd;
fail:
	fd_close(&fd);
	return -1;
}

int
pem_text_read(
    struct pem_text *t, const char *path, int secret, struct failure *f)
{
	size_t used = 0;
	ssize_t n = 0;
	int fd;

	*t = (struct pem_text){.at = NULL};
	fd = open_text(t, path, secret, f);
	if (fd == -1)
		return -1;
	t->len = (size_t)t->st.st_size;
	t->at = OPENSSL_malloc(t->len);
	while (t->at != NULL && used < t->len &&
	       (n = read(fd, t->at + used, t->len - used)) > 0)
		used += (size_t)n;
	if (t->at == NULL || used < t->len) {
		failure(f, "%s: %s", path,
		    n == -1 ? strerror(errno) : "cut short while it was read");
		goto fail;
	}
	fd_close(&fd);
	return 0;
fail:
	pem_text_free(t);
	fd_close(&fd);
	return -1;
}
