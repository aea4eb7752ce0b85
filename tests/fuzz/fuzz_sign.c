/*
 * The packets of relay-keyd (tls/sign_request.c): what is taken lies within its
 * bounds and is what a TLS server signs, of TLS 1.2 only where that is allowed;
 * and a request that is made is taken.
 */
#include "fuzz.h"
#include "tls/sign_request.h"

#include <string.h>

static void
check_request(const struct sign_request *r, size_t len)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";
	const char *wrong = sign_request_check(r, len, 13);

	if (wrong == NULL) {
		MUST(len == sizeof(*r) && sign_scheme_find(r->scheme) != NULL);
		MUST(r->length == 64 + sizeof(context) + 32 ||
		     r->length == 64 + sizeof(context) + 48);
		MUST(memcmp(r->message + 64, context, sizeof(context)) == 0);
		MUST(sign_request_check(r, len, 12) == NULL);
	} else if (sign_request_check(r, len, 12) == NULL)
		MUST(r->length > 68 && r->length <= sizeof(r->message));
}

static void
check_answer(const struct sign_answer *a, size_t len)
{
	if (sign_answer_check(a, len) != NULL)
		return;
	MUST(len == sizeof(*a) && a->length <= sizeof(a->signature));
	MUST(strlen(a->reason) < sizeof(a->reason));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sign_request r = {0}, made;
	struct sign_answer a = {0};
	const struct sign_scheme *scheme;

	memcpy(&r, data, size < sizeof(r) ? size : sizeof(r));
	check_request(&r, size);
	check_request(&r, sizeof(r));
	memcpy(&a, data, size < sizeof(a) ? size : sizeof(a));
	check_answer(&a, size);
	check_answer(&a, sizeof(a));
	scheme = sign_scheme_find(r.scheme);
	if (scheme == NULL)
		return 0;
	MUST(sign_scheme_of(scheme->type, scheme->digest, scheme->is_pss) ==
	     scheme);
	sign_request_make(&made, r.scheme, SIGN_SERVER, r.key, sizeof(r.key));
	MUST(sign_request_check(&made, sizeof(made), 13) == NULL);
	return 0;
}
