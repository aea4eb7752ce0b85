/*
 * A key on a token (PKCS #11): a TPM, a card, an HSM, which signs with it and
 * gives it to nobody. p11-kit has the modules that speak to tokens, and finds
 * what a URI (RFC 7512) names.
 */
#ifndef KEYD_TOKEN_H
#define KEYD_TOKEN_H

#include "base/failure.h"
#include "config/relay_conf.h"
#include "tls/sign_request.h"

#include <openssl/evp.h>

struct token;

/*
 * Loads the module, finds the token that the key of conf names, and logs in
 * there, where it asks for that, with the PIN in the file that the URI's
 * pin-source names. To be called before the sandbox: a module is a library, and
 * opens what it likes. Returns what token_close takes, or NULL with the reason
 * in f and errno: ENODEV where the token is not there.
 */
struct token *token_open(const struct relay_conf *conf, struct failure *f);

/*
 * Finds the key that conf names on t whose public half is public_key, and has
 * it sign something that nobody wants: that tells it from its neighbours.
 * Returns its handle, or 0 with the reason in f.
 */
unsigned long token_find(const struct token *t, const struct relay_conf *conf,
    EVP_PKEY *public_key, struct failure *f);

/*
 * Signs what r asks for, which has been checked, with the key that has this
 * handle, of the scheme's type, into a. Returns NULL, or why not, a static
 * string.
 */
const char *token_sign(struct token *t, unsigned long key,
    const struct sign_scheme *scheme, const struct sign_request *r,
    struct sign_answer *a);

/* Why t signs no more, whatever it is asked, or NULL. A static string. */
const char *token_lost(const struct token *t);

/* Logs out, and lets go of all. Safe on NULL. */
void token_close(struct token *t);

#endif
