/*
 * The broker: connections of handlers, the pairing table, live sessions, and
 * one epoll loop over them. It never sees a byte of payload.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stddef.h>
#include <sys/types.h>

struct broker;

/*
 * Makes a broker that accepts handlers on listener, a listening
 * SOCK_SEQPACKET socket, and ends when stop, a signalfd, becomes readable.
 * Both fds stay the caller's. Handlers must run as handler_uid. Returns NULL
 * with errno.
 */
struct broker *broker_new(int listener, int stop, uid_t handler_uid);

/* Serves until stop is readable. Returns 0, or -1 with errno. */
int broker_run(struct broker *broker);

/* Closes every connection and frees the broker. */
void broker_free(struct broker *broker);

#endif
