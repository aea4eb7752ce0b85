/* What the fuzzers share: see fuzz.h. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

unsigned
fuzz_byte(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

size_t
fuzz_bytes(struct fuzz_input *in, void *buf, size_t size)
{
	size_t n = in->left < size ? in->left : size;

	memcpy(buf, in->at, n);
	in->at += n;
	in->left -= n;
	return n;
}

const char *
fuzz_file(const void *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd == -1) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	MUST(fd != -1 && ftruncate(fd, 0) == 0 &&
	     pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

char *
fuzz_string(const void *data, size_t size)
{
	char *s = malloc(size + 1);

	MUST(s != NULL);
	memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

unsigned
fuzz_open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}
