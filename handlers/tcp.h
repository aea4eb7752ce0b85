/*
 * What every TCP connection of the relay and its clients is set to.
 */
#ifndef TCP_H
#define TCP_H

/*
 * No Nagle delay; a peer that has been silent is asked after 30 s, and one that
 * leaves bytes or questions unacknowledged for 50 s is given up: with the
 * empty lines every 30 s a dead peer is found within 90 s. Options that the
 * socket does not know (a Unix socket) are passed over.
 */
void tcp_options(int sock);

/*
 * Corked, what is written leaves in full segments only; without the cork what
 * is left goes too (tcp(7)). errno is kept.
 */
void tcp_cork(int sock, int on);

#endif
