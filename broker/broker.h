/*
 * The broker: connections of handlers, the pairing table, live sessions, and
 * one epoll loop over them. It never sees a byte of payload.
 */
#ifndef BROKER_H
#define BROKER_H

#include "base/failure.h"

#include <stddef.h>
#include <sys/types.h>

struct broker;

/*
 * Makes a broker that accepts handlers and administrators on listener, a
 * listening SOCK_SEQPACKET socket; signals, a signalfd, tells it to end or, by
 * SIGHUP, to read the file at conf_path (borrowed) again. Both fds stay the
 * caller's. Handlers run as handler_uid; who runs as the process itself may
 * be one as well, or a spawner. Returns NULL with a reason in f.
 */
struct broker *broker_new(int listener, int signals, uid_t handler_uid,
    const char *conf_path, struct failure *f);

/*
 * Serves until a signal ends it, or a drain has come to its end. Returns 0, or
 * -1 with errno.
 */
int broker_run(struct broker *broker);

/* Closes every connection and frees the broker. */
void broker_free(struct broker *broker);

#endif
