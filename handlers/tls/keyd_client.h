/*
 * To have relay-keyd(8) sign, and vouch.
 */
#ifndef TLS_KEYD_CLIENT_H
#define TLS_KEYD_CLIENT_H

#include "base/failure.h"
#include "ipc/voucher.h"
#include "tls/sign_request.h"
#include "tls/transcript.h"

/*
 * Sends the request to the relay-keyd that listens at socket, and waits for its
 * answer, 5 seconds at most. Returns 0, or -1 with the reason in f: it is not
 * there, does not answer, or refuses.
 */
int keyd_client_sign(const char *socket, const struct sign_request *r,
    struct sign_answer *a, struct failure *f);

/*
 * Has it vouch for the client of the handshake in t, to this process. Returns
 * 0, or -1 with the reason in f: the same, or the handshake is not all there.
 */
int keyd_client_prove(const char *socket, const struct transcript *t,
    uint8_t voucher[static VOUCHER_BYTES], struct failure *f);

/*
 * Has it vouch for the client of a handshake with another relay, whose messages
 * are in bytes, len, to this process, which is relay-peer's. Returns 0, or -1
 * with the reason in f, and errno EACCES where it is there, and refuses.
 */
int keyd_client_witness(const char *socket, const uint8_t *bytes, size_t len,
    uint8_t voucher[static VOUCHER_BYTES], struct failure *f);

#endif
