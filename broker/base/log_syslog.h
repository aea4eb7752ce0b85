/*
 * Lines to the syslog, as syslog(3) sends them, but for one thing: that waits
 * for a daemon that hangs, and with it would hang every session of the relay.
 */
#ifndef BASE_LOG_SYSLOG_H
#define BASE_LOG_SYSLOG_H

/* Connects, so that later lines need no more; a daemon that is not there may
 * come. */
void log_syslog_open(void);

/* Lets go of the fd, before whoever closes all of them. */
void log_syslog_close(void);

/*
 * Sends a line of "ident[pid]: text". priority as in syslog(3), of the facility
 * LOG_DAEMON. Waits for a daemon that is behind for a moment, but not again
 * before it has taken a line; what it does not take is lost.
 */
void log_syslog_send(int priority, const char *ident, const char *text);

#endif
