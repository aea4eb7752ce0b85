/*
 * relayctl's conversation with the broker: one request, and all rows of its
 * answer.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include "base/failure.h"
#include "ipc/message.h"

#define CTL_ANSWER_MS 15000 /* a reload waits some seconds for all handlers */

struct ctl_answer {
	struct message *rows; /* MESSAGE_ROW_... */
	size_t nrows, room;
	struct message_admin_done done;
};

/*
 * Asks the broker behind sock, a connection of ipc_socket_connect, for command
 * with argument ("" for none). Returns 0 where it has answered, be it with a
 * failure (done.failed); ctl_free gives the answer back. Returns -1 with a
 * reason in f and errno: EACCES where it refuses us, ETIMEDOUT, ECONNRESET.
 */
int ctl_request(int sock, enum admin_command command, const char *argument,
    struct ctl_answer *answer, struct failure *f);

/*
 * Its two halves, for who asks several at once. The answer has to be there by
 * deadline (base/deadline.h).
 */
int ctl_send(int sock, enum admin_command command, const char *argument,
    struct failure *f);
int ctl_collect(
    int sock, struct ctl_answer *answer, int64_t deadline, struct failure *f);

void ctl_free(struct ctl_answer *answer);

#endif
