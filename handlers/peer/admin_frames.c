/* What is in ADMIN and ANSWER: see admin_frames.h. */
#include "peer/admin_frames.h"

#include <errno.h>

int
admin_request_decode(struct message *m, const uint8_t *buf, size_t len)
{
	if (message_decode(m, buf, len) != (ptrdiff_t)len)
		return -1;
	if (m->type != MESSAGE_ADMIN) {
		errno = EPROTO;
		return -1;
	}
	if (!admin_may_cross(m->u.admin.command)) {
		errno = EACCES;
		return -1;
	}
	return 0;
}

static int
is_row(enum message_type type)
{
	return type == MESSAGE_ROW_STATUS || type == MESSAGE_ROW_WAITER ||
	       type == MESSAGE_ROW_SESSION || type == MESSAGE_ROW_CUSTOMER ||
	       type == MESSAGE_ROW_REFUSAL;
}

int
admin_answer_check(const uint8_t *buf, size_t len)
{
	struct message m;

	do {
		const ptrdiff_t n = message_decode(&m, buf, len);

		if (n == -1)
			return -1;
		buf += n;
		len -= (size_t)n;
	} while (is_row(m.type) && len > 0);
	if (is_row(m.type))
		return 1;
	if (m.type == MESSAGE_ADMIN_DONE && len == 0)
		return 0;
	errno = EPROTO;
	return -1;
}
