/* What administrators ask and are told, in words: see admin_rows.h. */
#include "ipc/admin_rows.h"

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct {
	const char *word;
	int may_cross;
} commands[] = {
    [ADMIN_STATUS] = {"status", 1},
    [ADMIN_WAITERS] = {"agents", 1},
    [ADMIN_SESSIONS] = {"sessions", 1},
    [ADMIN_CUSTOMERS] = {"customers", 1},
    [ADMIN_KICK] = {"kick", 1},
    [ADMIN_DRAIN] = {"drain", 1},
    [ADMIN_RELOAD] = {"reload", 1},
    [ADMIN_LOG_LEVEL] = {"log-level", 0},
    [ADMIN_RECENT] = {"recent", 1},
};

int
admin_may_cross(uint32_t command)
{
	return command < COMMANDS && commands[command].may_cross;
}

const char *
admin_command_word(uint32_t command)
{
	return command < COMMANDS && commands[command].word != NULL
		   ? commands[command].word
		   : "";
}

const char *
waiter_parked_word(uint32_t parked)
{
	static const char *const words[] = {
	    [WAITER_HAS_HANDLER] = "ready",
	    [WAITER_IS_PARKED] = "parked",
	    [WAITER_IS_WOKEN] = "woken",
	};

	return words[parked];
}
