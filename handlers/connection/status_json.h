/*
 * The data of the page, as JSON: what the broker says of a customer. The form
 * is the page's own, which comes from the same program. Pure.
 */
#ifndef CONNECTION_STATUS_JSON_H
#define CONNECTION_STATUS_JSON_H

#include "ipc/message.h"

#include <stdio.h>

/* Begins the object. now is Unix time. */
void status_json_begin(FILE *out, uint64_t now);

/* Adds a row, as the broker sends them; what is none of the page's is left out.
 */
void status_json_row(FILE *out, const struct message *m);

/* Ends it. sees_all: the rows are those of all customers. */
void status_json_end(FILE *out, int sees_all);

#endif
