/*
 * An answer of the broker, as a table for people or as JSON for programs.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "ctl/request.h"

#include <stdio.h>

/* What a listing shows. */
enum ctl_view { CTL_STATUS, CTL_AGENTS, CTL_SESSIONS, CTL_CUSTOMERS };

/* The request that view needs. */
enum admin_command ctl_view_command(enum ctl_view view);

/* Whether row belongs into view. */
int ctl_in_view(enum ctl_view view, const struct message *row);

/* table.c: writes view of answer to out. */
void ctl_table(FILE *out, enum ctl_view view, const struct ctl_answer *answer);

/* json.c: likewise. Returns 0, or -1 without memory. */
int ctl_json(FILE *out, enum ctl_view view, const struct ctl_answer *answer);

/* json.c: the outcome of a request that lists nothing. */
int ctl_json_done(FILE *out, const char *command, const struct ctl_answer *a);

/* json.c: the same, with whether the table of customers has changed. */
int ctl_json_customer(
    FILE *out, const char *command, int changed, const struct ctl_answer *a);

#endif
