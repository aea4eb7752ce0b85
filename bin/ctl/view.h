/*
 * What a listing shows, whichever way it is written out.
 */
#ifndef CTL_VIEW_H
#define CTL_VIEW_H

#include "ipc/message.h"

enum ctl_view {
	CTL_STATUS,
	CTL_AGENTS,
	CTL_SESSIONS,
	CTL_CUSTOMERS,
	CTL_RECENT
};

/* The request that view needs. */
enum admin_command ctl_view_command(enum ctl_view view);

/* Whether row belongs into view. */
int ctl_view_has(enum ctl_view view, const struct message *row);

#endif
