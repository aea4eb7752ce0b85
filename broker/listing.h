/*
 * What the broker lists, and how a sweep sends it: as many rows in a packet as
 * there is room for, and no faster than they are read.
 */
#ifndef LISTING_H
#define LISTING_H

#include "sweep.h"

/*
 * Adds a row to s->rows; what is there is sent to make room. BLOCKED: it was
 * not added, and has to be again.
 */
enum sweep_step listing_add(
    struct broker *b, struct sweep *s, const struct message *m);

/*
 * Sends the last rows and ADMIN_DONE with text. It has to wait for room, as
 * rows have.
 */
enum sweep_step listing_end(
    struct broker *b, struct sweep *s, const char *text);

/* Makes the row of c, which waits. Returns 0 where it does not. */
int listing_waiter(const struct conn *c, struct message *m);

/*
 * Makes the row of c's session. It comes with its stone, or with its agent if
 * that is alone. Returns 0 where c is in none, or is the other one.
 */
int listing_session(const struct conn *c, struct message *m);

#endif
