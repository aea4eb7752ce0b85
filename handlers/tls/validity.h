/*
 * How long a certificate is good.
 */
#ifndef TLS_VALIDITY_H
#define TLS_VALIDITY_H

#include "base/failure.h"

#include <openssl/x509.h>
#include <time.h>

/* The start of its validity, a Unix time, or 0 where it can't be told. */
time_t validity_start(const X509 *certificate);

/* The end of its validity, a Unix time, or 0 where it can't be told. */
time_t validity_end(const X509 *certificate);

/* When a list of revoked certificates ends; likewise. */
time_t validity_list_end(const X509_CRL *list);

/*
 * Whether the certificate is valid now. Returns 0, or -1 with a reason in f,
 * which has the time that this host's clock shows: it may be that which is
 * wrong.
 */
int validity_check(const X509 *certificate, struct failure *f);

#endif
