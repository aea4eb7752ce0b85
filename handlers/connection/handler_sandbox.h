/*
 * The sandbox of a handler, in two stages: while it loads the relay's keys, if
 * it does that itself, and from before the first byte of its client until its
 * end. The second is made once, by whoever is to fork handlers.
 */
#ifndef CONNECTION_HANDLER_SANDBOX_H
#define CONNECTION_HANDLER_SANDBOX_H

#include "config/relay_conf.h"
#include "sandbox/landlock.h"

/*
 * Its client, the broker, the hop, signals, the syslog and 0-2 are 8; a broker
 * that is found again and what comes with a message, 2 more; a bare session's
 * pipe and the other client's socket, 3; relay-handoff's lifeline, the
 * spawner's pipe, and the channel by which the next connection comes, 3.
 */
#define HANDLER_FDS_MAX 16

/*
 * Makes the second stage ready, for this process and its children, and logs
 * what the kernel lacks for it. Call it once, before any other of these.
 * Returns 0, or -1 with errno.
 */
int handler_sandbox_make(void);

/*
 * The first stage, of a handler that was started by itself: it may read in the
 * folders of the files that conf names. Returns 0, or -1 with errno.
 */
int handler_sandbox_load(const struct relay_conf *conf);

/*
 * Opens in l what Landlock has to allow for that, for others that read these
 * files too. The caller enters and closes l. Returns 0, or -1 with errno.
 */
int handler_sandbox_files(const struct relay_conf *conf, struct landlock *l);

/*
 * The second: talk on what it holds, connect to the broker and the syslog by
 * their Unix sockets, and end. Limits descriptors, processes and files, too.
 * Returns 0, or -1 with errno.
 */
int handler_sandbox_serve(void);

#endif
