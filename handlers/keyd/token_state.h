/*
 * What the two halves of token.h share.
 */
#ifndef KEYD_TOKEN_STATE_H
#define KEYD_TOKEN_STATE_H

#include "base/failure.h"
#include "config/relay_conf.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

struct token {
	CK_FUNCTION_LIST **modules; /* that are loaded, up to NULL */
	CK_FUNCTION_LIST *module;   /* the token's */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none */
	const char *lost;          /* token_lost */
};

/*
 * The URI that the key of conf is. Returns what p11_kit_uri_free takes, or NULL
 * with the reason in f.
 */
P11KitUri *token_uri(const struct relay_conf *conf, struct failure *f);

#endif
