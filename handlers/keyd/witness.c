/* Whether it was a relay of ours: see witness.h. */
#include "keyd/witness.h"
#include "keyd/signer.h"
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_DEPTH   3  /* as in tls/tls.c */
#define CLOCK_SECONDS 60 /* that the clocks of two relays may be apart */

/* ---- by what others are known ---- */

/* What is above our own certificate may be above theirs. */
static int
trust(X509_STORE *store, STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(chain, i)) != 1)
			return -1;
	return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
		       X509_STORE_set_purpose(store, X509_PURPOSE_SSL_SERVER) ==
			   1 &&
		       X509_STORE_set_depth(store, CHAIN_DEPTH - 1) == 1
		   ? 0
		   : -1;
}

int
witness_load(
    struct witness *w, const struct relay_conf *conf, struct failure *f)
{
	STACK_OF(X509) *chain = NULL;

	*w = (struct witness){.seconds = CLOCK_SECONDS + conf->tls_timeout +
					 conf->head_timeout +
					 conf->match_timeout};
	if (conf->npeers == 0)
		return 0;
	w->own = pem_certificate(conf->certificate, &chain, f);
	if (w->own != NULL)
		w->store = pem_store(conf->ca, NULL, f);
	if (w->store != NULL && trust(w->store, chain) == -1) {
		failure(f, "%s: out of memory", conf->certificate);
		X509_STORE_free(w->store);
		w->store = NULL;
	}
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	if (w->store != NULL)
		return 0;
	witness_free(w);
	return -1;
}

void
witness_free(struct witness *w)
{
	X509_free(w->own);
	X509_STORE_free(w->store);
	*w = (struct witness){.own = NULL};
}

int
witness_is_there(const struct witness *w)
{
	return w->store != NULL;
}

/* ---- was it one? ---- */

/* The clock of its relay, of 32 bits, may have begun anew. */
static int
is_recent(uint32_t then, time_t now, int64_t seconds)
{
	const int32_t apart = (int32_t)(then - (uint32_t)now);

	return apart >= -seconds && apart <= seconds;
}

/* Whether leaf is good for a name that our own certificate has, too. */
static int
shares_name(X509 *own, X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(
	    own, NID_subject_alt_name, NULL, NULL);
	int shares = 0;

	for (int i = 0; !shares && i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const ASN1_STRING *name = GENERAL_NAME_get0_value(
		    sk_GENERAL_NAME_value(names, i), &type);

		shares = type == GEN_DNS &&
			 X509_check_host(leaf,
			     (const char *)ASN1_STRING_get0_data(name),
			     (size_t)ASN1_STRING_length(name),
			     X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
	}
	GENERAL_NAMES_free(names);
	return shares;
}

static int
is_of_authority(X509_STORE *store, X509 *leaf, STACK_OF(X509) * above)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	const int ok = ctx != NULL &&
		       X509_STORE_CTX_init(ctx, store, leaf, above) == 1 &&
		       X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	return ok;
}

static int
is_relay(const struct witness *w, const struct keys *keys, X509 *leaf,
    STACK_OF(X509) * above)
{
	uint8_t key[SIGN_KEY_BYTES];

	return (sign_key_of(leaf, key) == 0 && keys_have(keys, key)) ||
	       (shares_name(w->own, leaf) &&
		   is_of_authority(w->store, leaf, above));
}

/* The certificates in c, the leaf first; NULL where one is none. */
static STACK_OF(X509) * read_chain(struct transcript_certificates c)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	const uint8_t *der;
	size_t len;
	int rc = -1;

	while (chain != NULL &&
	       (rc = transcript_certificate(&c, &der, &len)) == 1) {
		X509 *one = signer_certificate(der, len);

		if (one != NULL && sk_X509_push(chain, one) > 0)
			continue;
		X509_free(one);
		rc = -1;
		break;
	}
	if (rc == 0 && sk_X509_num(chain) > 0)
		return chain;
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

static const char *
check_server(const struct witness *w, const struct keys *keys,
    const struct transcript_parts *p)
{
	STACK_OF(X509) *chain = read_chain(p->chain);
	X509 *leaf = chain == NULL ? NULL : sk_X509_value(chain, 0);
	const char *wrong = NULL;

	if (leaf == NULL)
		wrong = "the certificates of its relay cannot be read";
	else if (!is_relay(w, keys, leaf, chain))
		wrong = "it was no handshake with a relay of ours";
	else if (!signer_check_server(leaf, p))
		wrong = "its relay has not signed this";
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return wrong;
}

const char *
witness_check(const struct witness *w, const struct keys *keys, time_t now,
    const uint8_t *transcript, size_t len, struct transcript_parts *p)
{
	const char *wrong = transcript_read(p, transcript, len);

	if (wrong != NULL)
		return wrong;
	if (!witness_is_there(w))
		return "there are no other relays, by relay.conf";
	if (!is_recent(p->time, now, w->seconds))
		return "it was not just now, by the clock of its relay";
	wrong = check_server(w, keys, p);
	return wrong != NULL ? wrong : signer_check_client(p);
}
