/*
 * The names that the other end's certificate does have, for who asked for
 * another one.
 */
#ifndef TLS_PEER_NAMES_H
#define TLS_PEER_NAMES_H

#include "base/failure.h"

#include <openssl/ssl.h>

/*
 * Adds to f, which says that the name does not match, the names of the
 * certificate that ssl has refused, and what to do. The names are the peer's
 * own words: escape them as any text from outside.
 */
void peer_names_tell(const SSL *ssl, struct failure *f);

#endif
