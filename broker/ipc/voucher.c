/* Vouchers of relay-keyd: see voucher.h. */
#include "ipc/voucher.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIGEST_BYTES 32

/* ---- of which process ---- */

/* starttime of proc(5), the 22nd field: the 20th behind the name's ")". */
#define FIELDS_BEFORE_START 20

/*
 * When a process began, in clock ticks since boot; with its number that names
 * it for good. 0 where it cannot be told, as under hidepid of proc(5): for who
 * vouches and who checks alike.
 */
static uint64_t
start_of(pid_t pid)
{
	char path[32], text[512], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (int i = 0; at != NULL && i < FIELDS_BEFORE_START; i++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

/* ---- the voucher ---- */

int
voucher_make(uint8_t voucher[static VOUCHER_BYTES],
    const uint8_t secret[static VOUCHER_SECRET_BYTES], enum voucher_kind kind,
    const uint8_t *der, size_t len, pid_t pid)
{
	struct {
		uint64_t kind, pid, start;
		uint8_t certificate[DIGEST_BYTES];
	} what = {.kind = kind, .pid = (uint64_t)pid, .start = start_of(pid)};
	unsigned n = VOUCHER_BYTES;

	if (EVP_Digest(der, len, what.certificate, NULL, EVP_sha256(), NULL) !=
	    1)
		return -1;
	return HMAC(EVP_sha256(), secret, VOUCHER_SECRET_BYTES,
		   (const unsigned char *)&what, sizeof(what), voucher,
		   &n) == NULL
		   ? -1
		   : 0;
}

int
voucher_is_good(const uint8_t voucher[static VOUCHER_BYTES],
    const uint8_t secret[static VOUCHER_SECRET_BYTES], enum voucher_kind kind,
    const uint8_t *der, size_t len, pid_t pid)
{
	uint8_t right[VOUCHER_BYTES];

	return voucher_make(right, secret, kind, der, len, pid) == 0 &&
	       CRYPTO_memcmp(voucher, right, sizeof(right)) == 0;
}

int
voucher_is_there(const uint8_t voucher[static VOUCHER_BYTES])
{
	static const uint8_t none[VOUCHER_BYTES];

	return memcmp(voucher, none, sizeof(none)) != 0;
}

/* ---- the secret ---- */

int
voucher_secret_ask(uint8_t secret[static VOUCHER_SECRET_BYTES],
    const char *socket, int most_ms, struct failure *f)
{
	const struct voucher_secret_request r = {{KEYD_VERSION, KEYD_SECRET}};
	const int64_t deadline = deadline_in(most_ms);
	struct voucher_secret_answer a = {0};
	int fd = ipc_socket_connect(socket), rc = -1;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (fd == -1)
		return failure(f, "%s", strerror(errno));
	if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
		failure(f, "relay-keyd hangs up");
	else if (poll(&pfd, 1, deadline_left(deadline)) != 1)
		failure(f, "relay-keyd does not answer");
	else if (recv(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_TRUNC) !=
		     sizeof(a) ||
		 a.version != KEYD_VERSION || a.known != 1)
		failure(f, "relay-keyd does not tell");
	else
		rc = 0;
	if (rc == 0)
		memcpy(secret, a.secret, VOUCHER_SECRET_BYTES);
	OPENSSL_cleanse(&a, sizeof(a));
	fd_close(&fd);
	return rc;
}
