/* To have relay-keyd sign: see keyd_client.h. */
#include "tls/keyd_client.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <poll.h>
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

static int
receive(int fd, struct sign_answer *a, struct failure *f)
{
	const char *wrong;
	ssize_t n;

	if (!await_answer(fd))
		return failure(f, "relay-keyd does not answer");
	n = recv(fd, a, sizeof(*a), MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0)
		return failure(f, "relay-keyd hangs up");
	wrong = sign_answer_check(a, (size_t)n);
	if (wrong != NULL)
		return failure(f, "the answer of relay-keyd is %s", wrong);
	if (a->length == 0)
		return failure(f, "relay-keyd refuses: %s", a->reason);
	return 0;
}

int
keyd_client_sign(const char *socket, const struct sign_request *r,
    struct sign_answer *a, struct failure *f)
{
	int fd = ipc_socket_connect(socket), rc = -1;

	if (fd == -1)
		return failure(
		    f, "%s: is relay-keyd running?", strerror(errno));
	if (send(fd, r, sizeof(*r), MSG_NOSIGNAL) == (ssize_t)sizeof(*r))
		rc = receive(fd, a, f);
	else
		failure(f, "relay-keyd hangs up");
	fd_close(&fd);
	return rc;
}
