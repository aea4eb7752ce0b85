/*
 * The rules of parking: an agent that has waited for long needs no process, and
 * is woken when it is missed. Pure, as pairing.h, whose table it shares: to
 * that, a parked poll only counts as an agent. Every operation is O(1).
 *
 *	         ..._begin            ..._take           ..._next
 *	WAITING ----------> PARKING ----------> PARKED ----------> WAKING
 *	                                           ^                  |
 *	                                           +------------------+
 *	                                                 ..._back
 *
 * pairing_leave ends each of these. An agent that was woken enters anew, by
 * pairing_enter, and who was WAKING leaves for it.
 */
#ifndef PAIRING_PARK_H
#define PAIRING_PARK_H

#include "pairing.h"

/* An agent that waits is about to be parked: nobody meets it until it is back.
 */
void pairing_park_begin(struct waiter *w);

/* w, which was PARKING, is parked: behind those that are. */
void pairing_park_take(struct waiter *w);

/*
 * Enters w, an agent that was parked before this table was made. Returns 0, or
 * -1 with errno.
 */
int pairing_park_restore(
    struct pairing *table, struct waiter *w, const struct customer_key *key);

/*
 * Whom to wake for the stones of w's party: who has been parked for longest, or
 * NULL where none is, or where as many are WAKING as stones wait.
 */
struct waiter *pairing_park_next(const struct waiter *w);

/* w, which was WAKING, could not be told: it is parked, before all others. */
void pairing_park_back(struct waiter *w);

#endif
