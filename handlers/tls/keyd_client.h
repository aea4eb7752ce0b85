/*
 * To have relay-keyd(8) sign.
 */
#ifndef TLS_KEYD_CLIENT_H
#define TLS_KEYD_CLIENT_H

#include "base/failure.h"
#include "tls/sign_request.h"

/*
 * Sends the request to the relay-keyd that listens at socket, and waits for its
 * answer, 5 seconds at most. Returns 0, or -1 with the reason in f: it is not
 * there, does not answer, or refuses.
 */
int keyd_client_sign(const char *socket, const struct sign_request *r,
    struct sign_answer *a, struct failure *f);

#endif
