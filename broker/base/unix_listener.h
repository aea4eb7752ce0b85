/*
 * Listening on a Unix stream socket.
 */
#ifndef BASE_UNIX_LISTENER_H
#define BASE_UNIX_LISTENER_H

/*
 * Listens on path, which is shorter than a sun_path, with the mode that the
 * umask leaves. A socket that a dead process has left there is replaced.
 * Returns a non-blocking, close-on-exec fd, which the caller closes, or -1 with
 * errno: EADDRINUSE where somebody answers there, or it is no socket.
 */
int unix_listener_open(const char *path);

#endif
