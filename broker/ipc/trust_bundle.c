/* What handlers check certificates by after a reload: see trust_bundle.h. */
#define _GNU_SOURCE
#include "ipc/trust_bundle.h"
#include "base/fd.h"
#include "base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* What it begins with; the four parts follow in this order. */
struct header {
	uint32_t ca_path; /* bytes, with the NUL */
	uint32_t ca;
	uint32_t crl_path;
	uint32_t crl;
	uint32_t pass_expired;
};

/* ---- the broker's side ---- */

static int
write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n == -1)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The file at path goes to fd, and its length to *len. */
static int
copy_file(int fd, const char *path, uint32_t *len)
{
	char buf[16384];
	struct stat st;
	int from = regular_file_open(path, &st);
	ssize_t n;

	*len = 0;
	if (from == -1)
		return -1;
	errno = EINVAL;
	if (st.st_size > TRUST_FILE_MAX)
		goto fail;
	while ((n = read(from, buf, sizeof(buf))) > 0) {
		*len += (uint32_t)n;
		errno = EFBIG;
		if (*len > TRUST_FILE_MAX ||
		    write_all(fd, buf, (size_t)n) == -1)
			goto fail;
	}
	if (n == 0) {
		fd_close(&from);
		return 0;
	}
fail:
	fd_close(&from);
	return -1;
}

/* A path and its file; NULL is both, empty. */
static int
copy(int fd, const char *path, uint32_t *path_len, uint32_t *len)
{
	*len = 0;
	*path_len = (uint32_t)strlen(path == NULL ? "" : path) + 1;
	if (write_all(fd, path == NULL ? "" : path, *path_len) == -1)
		return -1;
	return path == NULL ? 0 : copy_file(fd, path, len);
}

int
trust_bundle_write(
    const struct relay_conf *conf, uint32_t *size, struct failure *f)
{
	struct header h = {
	    .pass_expired = conf->crl_expired == CRL_EXPIRED_WARN};
	const char *what = conf->ca;
	int fd = memfd_create("trust", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1 || write_all(fd, &h, sizeof(h)) == -1 ||
	    copy(fd, conf->ca, &h.ca_path, &h.ca) == -1)
		goto fail;
	what = conf->crl != NULL ? conf->crl : conf->ca;
	if (copy(fd, conf->crl, &h.crl_path, &h.crl) == -1 ||
	    pwrite(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		goto fail;
	*size = (uint32_t)sizeof(h) + h.ca_path + h.ca + h.crl_path + h.crl;
	return fd;
fail:
	regular_file_unreadable(what, f);
	fd_close(&fd);
	return -1;
}

/* ---- a handler's side ---- */

/* Takes len bytes from *at, of which *left are left. NULL: too few. */
static const unsigned char *
take(const unsigned char **at, uint32_t *left, uint32_t len)
{
	const unsigned char *taken = *at;

	if (len > *left)
		return NULL;
	*at += len;
	*left -= len;
	return taken;
}

static int
take_file(struct trust_bundle_file *f, uint32_t path_len, uint32_t len,
    const unsigned char **at, uint32_t *left)
{
	const unsigned char *path = take(at, left, path_len);

	f->at = take(at, left, len);
	f->len = len;
	if (path == NULL || f->at == NULL || path_len == 0 ||
	    path[path_len - 1] != '\0')
		return -1;
	f->path = (const char *)path;
	return 0;
}

static int
parse(struct trust_bundle *t, uint32_t size)
{
	const unsigned char *at = t->memory, *header;
	struct header h;

	header = take(&at, &size, sizeof(h));
	if (header == NULL)
		return -1;
	memcpy(&h, header, sizeof(h));
	t->pass_expired = h.pass_expired != 0;
	if (take_file(&t->ca, h.ca_path, h.ca, &at, &size) == -1 ||
	    take_file(&t->crl, h.crl_path, h.crl, &at, &size) == -1)
		return -1;
	return size == 0 ? 0 : -1;
}

int
trust_bundle_read(struct trust_bundle *t, int fd, uint32_t size)
{
	memset(t, 0, sizeof(*t));
	errno = EPROTO;
	if (size > TRUST_MAX)
		return -1;
	t->memory = malloc((size_t)size + 1);
	if (t->memory == NULL)
		return -1;
	/* it is shared with others: the place is ours, each time */
	if (pread(fd, t->memory, size, 0) == (ssize_t)size &&
	    parse(t, size) == 0)
		return 0;
	trust_bundle_free(t);
	errno = EPROTO;
	return -1;
}

void
trust_bundle_free(struct trust_bundle *t)
{
	free(t->memory);
	memset(t, 0, sizeof(*t));
}
