/*
 * What every TCP connection of the relay and its clients is set to.
 */
#ifndef CHANNEL_TCP_H
#define CHANNEL_TCP_H

#include <stdint.h>

/*
 * No Nagle delay; a peer that has been silent is asked after 30 s, and one that
 * leaves bytes or questions unacknowledged for 50 s is given up: with the
 * empty lines every 30 s a dead peer is found within 90 s. Options that the
 * socket does not know (a Unix socket) are passed over.
 */
void tcp_options(int sock);

/*
 * A silent peer is asked after so many seconds only, for who asks it himself;
 * until tcp_options.
 */
void tcp_ask_after(int sock, int seconds);

/*
 * For a connection that takes nothing for now, every TCP_REVIEW_MS. Linux gives
 * up after those 50 s whoever has no room, though it answers each question. A
 * peer that does may take its time, and one that stops answering gets the 50 s
 * again. Returns whether it takes its time.
 */
int tcp_review(int sock);

#define TCP_REVIEW_MS 10000

/* For one that nobody reviews: it may take its time, and is never given up. */
void tcp_may_pause(int sock);

/*
 * Whether the kernel ends the connection with a reset at the last close(2), and
 * drops what is unsent. For as long as a session lives it should: so a process
 * that dies is an error to its peers, where plain TCP has no other sign. A
 * listener hands it down to what it accepts.
 */
void tcp_reset_on_close(int sock, int on);

/*
 * Whether nothing is left of the connection: it was reset, or both ends have
 * ended it.
 */
int tcp_is_closed(int sock);

/*
 * Lets the kernel hold at most so many bytes that were not sent; with more
 * there the socket takes nothing.
 */
void tcp_bound_unsent(int sock, unsigned bytes);

/*
 * Corked, what is written leaves in full segments only; without the cork what
 * is left goes too (tcp(7)). errno is kept.
 */
void tcp_cork(int sock, int on);

/*
 * How the connection is: its round trip in microseconds, and how many segments
 * were sent again. Both are 0 where the kernel does not say.
 */
void tcp_measure(int sock, uint32_t *rtt, uint32_t *retransmits);

#endif
