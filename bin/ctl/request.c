/* relayctl's conversation with the broker: see request.h. */
#include "ctl/request.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "ipc/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ctl_send(int sock, enum admin_command command, const char *argument,
    struct failure *f)
{
	struct message m = {.type = MESSAGE_ADMIN};

	m.u.admin.command = command;
	snprintf(
	    m.u.admin.argument, sizeof(m.u.admin.argument), "%s", argument);
	/* a broker that refuses us has closed already, and says why */
	if (wire_send(sock, &m, NULL) == -1 && errno != EPIPE)
		return failure(f, "the broker: %s", strerror(errno));
	return 0;
}

/* Returns 0 with a packet, or -1 with errno. */
static int
receive(int sock, struct wire_packet *packet, int64_t deadline)
{
	int rc = wire_receive_by(sock, packet, deadline);

	/* what came before a reset is still there to be read */
	if (rc == -1 && errno == ECONNRESET)
		rc = wire_receive_by(sock, packet, deadline);
	if (rc == 0)
		wire_close_fds(packet);
	return rc;
}

static int
keep(struct ctl_answer *answer, const struct message *m)
{
	size_t room = answer->room == 0 ? 64 : 2 * answer->room;
	struct message *more;

	if (answer->nrows == answer->room) {
		more = realloc(answer->rows, room * sizeof(*more));
		if (more == NULL)
			return -1;
		answer->rows = more;
		answer->room = room;
	}
	answer->rows[answer->nrows++] = *m;
	return 0;
}

/* What comes is shown on a terminal, and as JSON: plain characters alone. */
static void
make_plain(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void
make_row_plain(struct message *m)
{
	switch (m->type) {
	case MESSAGE_ROW_STATUS:
		make_plain(m->u.status.version);
		break;
	case MESSAGE_ROW_WAITER:
		make_plain(m->u.waiter.customer);
		make_plain(m->u.waiter.peer);
		make_plain(m->u.waiter.version);
		break;
	case MESSAGE_ROW_SESSION:
		make_plain(m->u.session.customer);
		make_plain(m->u.session.stone);
		make_plain(m->u.session.agent);
		make_plain(m->u.session.version);
		break;
	case MESSAGE_ROW_CUSTOMER:
		make_plain(m->u.customer.name);
		break;
	case MESSAGE_ROW_REFUSAL:
		make_plain(m->u.row_refusal.customer);
		break;
	default:
		break;
	}
}

static int
keep_all(struct ctl_answer *answer, struct wire_packet *packet)
{
	int rc;

	do {
		make_row_plain(&packet->message);
		if (keep(answer, &packet->message) == -1)
			return -1;
		rc = wire_next(packet);
	} while (rc == 1);
	return rc;
}

static int
collect(
    int sock, struct ctl_answer *answer, int64_t deadline, struct failure *f)
{
	struct wire_packet packet;

	for (;;) {
		if (receive(sock, &packet, deadline) == -1)
			return -1;
		switch (packet.message.type) {
		case MESSAGE_ADMIN_DONE:
			answer->done = packet.message.u.admin_done;
			make_plain(answer->done.text);
			return 0;
		case MESSAGE_REFUSED:
			make_plain(packet.message.u.refused.reason);
			failure(f, "%s", packet.message.u.refused.reason);
			errno = EACCES;
			return -1;
		default:
			if (keep_all(answer, &packet) == -1)
				return -1;
		}
	}
}

int
ctl_collect(
    int sock, struct ctl_answer *answer, int64_t deadline, struct failure *f)
{
	*answer = (struct ctl_answer){0};
	*f->text = '\0';
	if (collect(sock, answer, deadline, f) == 0)
		return 0;
	if (*f->text == '\0')
		failure(f, "the broker: %s", strerror(errno));
	ctl_free(answer);
	return -1;
}

int
ctl_request(int sock, enum admin_command command, const char *argument,
    struct ctl_answer *answer, struct failure *f)
{
	return ctl_send(sock, command, argument, f) == -1
		   ? -1
		   : ctl_collect(sock, answer, deadline_in(CTL_ANSWER_MS), f);
}

void
ctl_free(struct ctl_answer *answer)
{
	free(answer->rows);
	answer->rows = NULL;
	answer->nrows = answer->room = 0;
}
