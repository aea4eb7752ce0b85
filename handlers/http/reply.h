/*
 * The relay's own answers, as text. Pure.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stddef.h>
#include <time.h>

#define REPLY_MAX         768 /* bytes of the longest answer */
#define REPLY_RETRY_AFTER 5   /* seconds, in a 503 and a 429 */

/*
 * The answer to an agent's poll, up to its body. park is X-Park: how often a
 * parked agent has to give a sign of life, seconds; 0: it cannot be parked.
 * Returns its length.
 */
size_t reply_poll(
    char out[static REPLY_MAX], const char *customer, unsigned park);

/* The answer to a poll that is a check, with this relay's time. Likewise. */
size_t reply_check(
    char out[static REPLY_MAX], const char *customer, time_t now);

/*
 * A refusal: reason, which is printable, stands in the status line and in
 * X-Reason. with_body adds it as text/plain too, for people with browsers;
 * stone 2.4 would hand a body to its client as data. Returns its length.
 */
size_t reply_refusal(
    char out[static REPLY_MAX], int status, const char *reason, int with_body);

#endif
