/*
 * The client programs' end of TLS. The relay's certificate and name are always
 * verified; there is no way around it.
 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "base/failure.h"
#include "tls/tls.h"

#include <stddef.h>

/*
 * Completes *material, whose certificate, chain and key are set: makes its
 * context, and where its store is NULL one of the system's CAs. Returns 0, or
 * -1 with a reason in f.
 */
int tls_client_complete(struct tls_material *material, struct failure *f);

/*
 * Makes the TLS state for a connection to host, a name or an address, which
 * the other end's certificate must carry; the SSL does not own fd. Returns NULL
 * with the error in OpenSSL's queue.
 */
SSL *tls_client_start(
    const struct tls_material *material, int fd, const char *host);

#endif
