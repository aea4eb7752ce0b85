/*
 * Telling the service manager how it goes, by the protocol of sd_notify(3).
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/*
 * Keeps the place that the environment names (NOTIFY_SOCKET). Call it before
 * harden_process, which empties that.
 */
void notify_keep(void);

/*
 * Returns a socket to whoever wants to know, for the caller to send to and to
 * close; -1: nobody does, or is there.
 */
int notify_connect(void);

/* Says state, as "READY=1", where anybody wants to know. format: printf(3). */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
