/*
 * What an administrator and a relay say to each other
 * (handlers/peer/admin_frames.c): a request that is taken may come from another
 * relay, and goes on to the broker; of an answer that is taken each message is
 * one that an administrator is told.
 */
#include "fuzz.h"
#include "peer/admin_frames.h"

#include <string.h>

static void
check_request(const uint8_t *data, size_t size)
{
	static uint8_t out[MESSAGE_MAX];
	struct message m, on = {.type = MESSAGE_ADMIN_FOR};

	if (admin_request_decode(&m, data, size) == -1)
		return;
	MUST(size == ADMIN_REQUEST_MAX && m.type == MESSAGE_ADMIN);
	MUST(admin_may_cross(m.u.admin.command));
	MUST(*admin_command_word(m.u.admin.command) != '\0');
	MUST(memchr(m.u.admin.argument, '\0', ADMIN_ARGUMENT_MAX) != NULL);
	on.u.admin_for.admin = m.u.admin;
	strcpy(on.u.admin_for.administrator, "name");
	MUST(message_encode(&on, out, sizeof(out)) > 0);
}

static void
check_answer(const uint8_t *data, size_t size)
{
	const int rc = admin_answer_check(data, size);
	int ended = 0;

	if (rc == -1)
		return;
	while (size > 0) {
		struct message m;
		const ptrdiff_t n = message_decode(&m, data, size);

		MUST(n > 0 && !ended);
		MUST(m.type == MESSAGE_ADMIN_DONE ||
		     m.type == MESSAGE_ROW_REFUSAL ||
		     (m.type >= MESSAGE_ROW_STATUS &&
			 m.type <= MESSAGE_ROW_CUSTOMER));
		MUST(message_fds(&m) == 0);
		ended = m.type == MESSAGE_ADMIN_DONE;
		data += n;
		size -= (size_t)n;
	}
	MUST(ended == (rc == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(data, size);
	check_answer(data, size);
	return 0;
}
