/*
 * An answer of the broker, as a table for people or as JSON for programs.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "ctl/check.h"
#include "ctl/ledger.h"
#include "ctl/request.h"
#include "ctl/verdict.h"
#include "ctl/view.h"

#include <jansson.h>
#include <stdio.h>

/* table.c: writes view of answer to out. */
void ctl_table(FILE *out, enum ctl_view view, const struct ctl_answer *answer);

/* json.c: likewise. Returns 0, or -1 without memory. */
int ctl_json(FILE *out, enum ctl_view view, const struct ctl_answer *answer);

/* json.c: the outcome of a request that lists nothing. */
int ctl_json_done(FILE *out, const char *command, const struct ctl_answer *a);

/* json.c: the same, with whether the table of customers has changed. */
int ctl_json_customer(
    FILE *out, const char *command, int changed, const struct ctl_answer *a);

/*
 * json.c: the answers of several relays, an array: what each shows, or the
 * outcome there, or why there is none. Return 0, or -1 without memory; writing
 * them frees it.
 */
int ctl_json_all_add(json_t *relays, const char *relay, enum ctl_view view,
    const struct ctl_answer *answer);
int ctl_json_all_add_done(json_t *relays, const char *relay,
    const char *command, const struct ctl_answer *a);
int ctl_json_all_add_failure(
    json_t *relays, const char *relay, const char *why);
int ctl_json_all(FILE *out, json_t *relays);

/*
 * json.c: what is known of subject, and the verdict on it. Returns 0, or -1
 * without memory.
 */
int ctl_json_why(FILE *out, const struct facts *facts, const char *subject,
    int well, const char *text);

/* json.c: likewise, what was found. */
int ctl_json_check(FILE *out, const struct check *check);

/* json.c: rows of the ledger, an array; writing them frees it. */
void ctl_json_usage_add(json_t *rows, const struct ledger_row *row);
int ctl_json_usage(FILE *out, json_t *rows);

#endif
