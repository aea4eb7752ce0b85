/* Archives of tar: see tar.h. */
#include "ctl/tar.h"

#include <errno.h>
#include <string.h>

#define BLOCK 512

/* The header of a file, in pax(1) of POSIX; numbers are octal. */
struct header {
	char name[100];
	char mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* The sum of all bytes, those of the sum itself as spaces. */
static void
set_checksum(struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum & 0777777);
}

/* Zeros up to the next block. */
static int
pad(FILE *out, size_t len)
{
	static const char zeros[BLOCK];
	const size_t n = (BLOCK - len % BLOCK) % BLOCK;

	return fwrite(zeros, 1, n, out) == n ? 0 : -1;
}

int
tar_add(FILE *out, const char *name, const void *data, size_t len, time_t when)
{
	struct header h = {.mode = "0000600",
	    .uid = "0000000",
	    .gid = "0000000",
	    .type = '0',
	    .magic = "ustar",
	    .version = {'0', '0'},
	    .user = "root",
	    .group = "root"};

	if (strlen(name) > TAR_NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(h.name, name, strlen(name));
	snprintf(h.size, sizeof(h.size), "%011zo", len & 077777777777);
	snprintf(h.mtime, sizeof(h.mtime), "%011llo",
	    (unsigned long long)when & 077777777777);
	set_checksum(&h);
	if (fwrite(&h, sizeof(h), 1, out) != 1 ||
	    fwrite(data, 1, len, out) != len)
		return -1;
	return pad(out, len);
}

int
tar_end(FILE *out)
{
	static const char blocks[2 * BLOCK];

	return fwrite(blocks, sizeof(blocks), 1, out) == 1 ? 0 : -1;
}
