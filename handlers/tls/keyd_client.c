/* To have relay-keyd sign, and vouch: see keyd_client.h. */
#include "tls/keyd_client.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "ipc/ipc_socket.h"
#include "tls/prove_request.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 5000

/* Returns 1 once there is something to read, or 0 at the deadline. */
static int
await_answer(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	const int64_t deadline = deadline_in(ANSWER_MS);
	int n;

	do
		n = poll(&pfd, 1, deadline_left(deadline));
	while (n == -1 && errno == EINTR);
	return n > 0;
}

/*
 * Sends the request, and receives an answer of at most size bytes. Returns how
 * many it has, or -1 with the reason in f.
 */
static ssize_t
ask(const char *socket, const void *request, size_t len, void *answer,
    size_t size, struct failure *f)
{
	int fd = ipc_socket_connect(socket);
	ssize_t n = -1;

	if (fd == -1)
		return failure(
		    f, "%s: is relay-keyd running?", strerror(errno));
	if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		failure(f, "relay-keyd hangs up");
	else if (!await_answer(fd))
		failure(f, "relay-keyd does not answer");
	else if ((n = recv(fd, answer, size, MSG_DONTWAIT | MSG_TRUNC)) <= 0)
		n = failure(f, "relay-keyd hangs up");
	fd_close(&fd);
	return n;
}

int
keyd_client_sign(const char *socket, const struct sign_request *r,
    struct sign_answer *a, struct failure *f)
{
	const ssize_t n = ask(socket, r, sizeof(*r), a, sizeof(*a), f);
	const char *wrong;

	if (n == -1)
		return -1;
	wrong = sign_answer_check(a, (size_t)n);
	if (wrong != NULL)
		return failure(f, "the answer of relay-keyd is %s", wrong);
	if (a->length == 0)
		return failure(f, "relay-keyd refuses: %s", a->reason);
	return 0;
}

/* Has it vouch, to one of these requests. Returns as they do. */
static int
ask_voucher(enum keyd_kind kind, const char *socket, const uint8_t *bytes,
    size_t len, uint8_t voucher[static VOUCHER_BYTES], struct failure *f)
{
	static struct prove_request r; /* no pages of stack for each */
	struct prove_answer a = {.version = 0};
	ssize_t n;

	r.header = (struct keyd_header){KEYD_VERSION, (uint16_t)kind};
	r.length = (uint32_t)len;
	memcpy(r.transcript, bytes, len);
	n = ask(socket, &r, offsetof(struct prove_request, transcript) + len,
	    &a, sizeof(a), f);
	/* nothing of it is for who is served next */
	explicit_bzero(&r, offsetof(struct prove_request, transcript) + len);
	errno = EIO;
	if (n == -1)
		return -1;
	if (n != sizeof(a) || a.version != KEYD_VERSION ||
	    memchr(a.reason, '\0', sizeof(a.reason)) == NULL)
		return failure(f, "the answer of relay-keyd is malformed");
	errno = EACCES;
	if (!a.proven)
		return failure(f, "relay-keyd refuses: %s", a.reason);
	memcpy(voucher, a.voucher, VOUCHER_BYTES);
	return 0;
}

int
keyd_client_prove(const char *socket, const struct transcript *t,
    uint8_t voucher[static VOUCHER_BYTES], struct failure *f)
{
	if (t->failed || !t->complete)
		return failure(f, "the handshake is too large to keep");
	return ask_voucher(KEYD_PROVE, socket, t->bytes, t->len, voucher, f);
}

int
keyd_client_witness(const char *socket, const uint8_t *bytes, size_t len,
    uint8_t voucher[static VOUCHER_BYTES], struct failure *f)
{
	return ask_voucher(KEYD_WITNESS, socket, bytes, len, voucher, f);
}
