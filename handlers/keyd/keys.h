/*
 * The relay's private keys: the one of its certificate, and the one before,
 * which who has the certificate before still asks for.
 */
#ifndef KEYD_KEYS_H
#define KEYD_KEYS_H

#include "base/failure.h"
#include "config/relay_conf.h"
#include "keyd/token.h"
#include "tls/sign_request.h"

#include <openssl/evp.h>

#define KEYS 2

struct keys {
	struct token *token; /* NULL: no key has been on one */
	int is_closed;       /* a token is opened no more: a sandbox forbids */
	struct {
		EVP_PKEY *key; /* NULL: none; of one on a token the public */
		unsigned long on_token; /* its handle there; 0: it is here */
		uint8_t id[SIGN_KEY_BYTES];
	} held[KEYS]; /* the newest first */
};

/*
 * Reads certificate and key of conf, which have to belong together, and be that
 * with the id wanted, unless NULL; the key becomes the newest, and the oldest
 * is wiped. Returns 1; 0 where it is the newest already; or -1 with the reason
 * in f and all as it was, errno ENODEV where the key's token is not there.
 */
int keys_load(struct keys *k, const struct relay_conf *conf,
    const uint8_t *wanted, struct failure *f);

/* Whether it has the key with this id. */
int keys_have(const struct keys *k, const uint8_t *id);

/*
 * Signs what r asks for, which has been checked, by a key that it has, into a.
 * Returns NULL, or why not, a static string.
 */
const char *keys_sign(
    struct keys *k, const struct sign_request *r, struct sign_answer *a);

/* Wipes all, and lets go of the token. */
void keys_free(struct keys *k);

#endif
