/* What a listing shows: see view.h. */
#include "ctl/view.h"

enum admin_command
ctl_view_command(enum ctl_view view)
{
	static const enum admin_command commands[] = {
	    [CTL_STATUS] = ADMIN_STATUS,
	    [CTL_AGENTS] = ADMIN_WAITERS,
	    [CTL_SESSIONS] = ADMIN_SESSIONS,
	    [CTL_CUSTOMERS] = ADMIN_CUSTOMERS,
	    [CTL_RECENT] = ADMIN_RECENT,
	};

	return commands[view];
}

int
ctl_view_has(enum ctl_view view, const struct message *row)
{
	switch (view) {
	case CTL_STATUS:
		return row->type == MESSAGE_ROW_STATUS;
	case CTL_AGENTS:
		return row->type == MESSAGE_ROW_WAITER &&
		       row->u.waiter.role == ROLE_AGENT;
	case CTL_SESSIONS:
		return row->type == MESSAGE_ROW_SESSION;
	case CTL_CUSTOMERS:
		return row->type == MESSAGE_ROW_CUSTOMER;
	case CTL_RECENT:
		return row->type == MESSAGE_ROW_REFUSAL;
	}
	return 0;
}
