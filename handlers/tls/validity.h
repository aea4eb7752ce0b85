/*
 * How long a certificate is good.
 */
#ifndef TLS_VALIDITY_H
#define TLS_VALIDITY_H

#include <openssl/x509.h>
#include <time.h>

/* The end of its validity, a Unix time, or 0 where it can't be told. */
time_t validity_end(const X509 *certificate);

#endif
