/*
 * When to look for a broker that has gone. Pure: the random number is a
 * parameter.
 */
#ifndef CONNECTION_RECONNECT_H
#define CONNECTION_RECONNECT_H

#include <stdint.h>

#define COMEBACK_EACH_MS 22 /* so some 50 come in a second, of however many */
#define COMEBACK_MAX_MS  30000 /* the mean wait, at most */

/*
 * How long to wait, in milliseconds, before the next attempt. present is how
 * many the lost broker had, 0 for who is in a hurry; tries how many attempts
 * were in vain; random any number of 32 bits.
 *
 * It is present times COMEBACK_EACH_MS, more or less a half: so they come at
 * an even rate, also those that came one by one and each saw fewer than the
 * next. After vain attempts it is twice and four times that, or the latter
 * would come together. The few, and who is in a hurry, come within a second,
 * and after vain attempts within 2, 4 and 8.
 */
int64_t reconnect_delay(uint32_t present, unsigned tries, uint32_t random);

#endif
