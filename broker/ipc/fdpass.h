/*
 * Packets of a SOCK_SEQPACKET socket with the descriptors that come beside
 * them: the only file that touches SCM_RIGHTS, unix(7). No descriptor that
 * arrives is ever lost sight of.
 */
#ifndef IPC_FDPASS_H
#define IPC_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 250 /* descriptors of a packet; more make it EPROTO */

/*
 * Sends the len bytes as one packet, and the n descriptors at fds (at most
 * FDPASS_MAX) beside it; the caller keeps them. Returns 0, or -1 with errno.
 */
int fdpass_send(
    int sock, const void *bytes, size_t len, const int *fds, size_t n);

/*
 * Receives one packet into buf. Of the descriptors beside it the first n go to
 * fds, -1 where fewer came, and become the caller's; the rest are closed. *came
 * is how many there were in all. Returns the packet's length; 0 at the
 * connection's end, a reset too; or -1 with errno, fds all -1 and nothing to
 * close: EPROTO where the kernel cut the packet or its descriptors.
 */
ssize_t fdpass_receive(
    int sock, void *buf, size_t size, int *fds, size_t n, size_t *came);

#endif
