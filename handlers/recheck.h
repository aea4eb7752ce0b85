/*
 * A client's certificate, checked again while its connection lives: against
 * the files as they are now, which the unprivileged handler may read. Keys it
 * has none, and needs none for this.
 */
#ifndef RECHECK_H
#define RECHECK_H

#include "message.h"

#include <openssl/ssl.h>
#include <time.h>

/*
 * Checks the chain that the peer of ssl presented against ca and crl of the
 * configuration file at conf_path. Returns the verdict; BAD and FAILED come
 * with a reason in err. An expired CRL fails the check and ends nobody; where
 * crl_expired is warn it is passed over.
 */
enum recheck_verdict recheck_peer(
    SSL *ssl, const char *conf_path, char *err, size_t errsize);

/* When the first certificate of the peer's verified chain ends; Unix time. */
time_t recheck_not_after(const SSL *ssl);

#endif
