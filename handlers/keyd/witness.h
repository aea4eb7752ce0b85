/*
 * Whether a handshake that another relay has had was one with a relay of ours,
 * and with the client that it says: then that has been there. Nothing else
 * counts that a client may have shown its certificate to.
 */
#ifndef KEYD_WITNESS_H
#define KEYD_WITNESS_H

#include "base/failure.h"
#include "config/relay_conf.h"
#include "keyd/keys.h"
#include "tls/transcript.h"

#include <openssl/x509.h>
#include <time.h>

/* By what other relays are known; all zero: there are none. */
struct witness {
	X509 *own;         /* this relay's certificate */
	X509_STORE *store; /* the authorities that one of them may have */
	int64_t seconds;   /* a handshake counts for so long */
};

/*
 * Reads what conf names, where it has peers. Returns 0, or -1 with the reason
 * in f and nothing to free.
 */
int witness_load(
    struct witness *w, const struct relay_conf *conf, struct failure *f);

/* Safe twice. */
void witness_free(struct witness *w);

/* Whether there are other relays. */
int witness_is_there(const struct witness *w);

/*
 * Whether the transcript, len bytes, is of a handshake of about now, whose
 * server has signed it with a key in keys, or of a certificate that has a DNS
 * name of our own one and is of its authority; and whether the client, which p
 * then tells, has signed it. Returns NULL, or why not, a static string.
 */
const char *witness_check(const struct witness *w, const struct keys *keys,
    time_t now, const uint8_t *transcript, size_t len,
    struct transcript_parts *p);

#endif
