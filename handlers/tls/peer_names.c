/* The names of the other end's certificate: see peer_names.h. */
#include "tls/peer_names.h"
#include "base/failure.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX                                                              \
	3 /* that are told; a public certificate may have a hundred            \
	   */

/* Writes a name as it is written in a relay's place. Returns its length or 0.
 */
static int
format(const GENERAL_NAME *name, char *text, size_t size)
{
	const ASN1_STRING *value;
	const unsigned char *data;
	char address[INET6_ADDRSTRLEN];
	int len, type;

	value = GENERAL_NAME_get0_value(name, &type);
	data = ASN1_STRING_get0_data(value);
	len = ASN1_STRING_length(value);
	if (type == GEN_DNS)
		return snprintf(text, size, "%.*s", len, (const char *)data);
	if (type == GEN_IPADD && (len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, data, address,
		sizeof(address)) != NULL)
		return snprintf(text, size, "%s", address);
	return 0;
}

static void
add_names(const GENERAL_NAMES *names, struct failure *f)
{
	char name[256];
	int told = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const size_t n = strlen(f->text);

		if (format(sk_GENERAL_NAME_value(names, i), name,
			sizeof(name)) <= 0)
			continue;
		if (told++ == NAMES_MAX)
			return;
		snprintf(f->text + n, sizeof(f->text) - n, "%s%s",
		    told == 1 ? ": the relay's certificate is for " : ", ",
		    name);
	}
	if (told > 0) {
		const size_t n = strlen(f->text);

		snprintf(f->text + n, sizeof(f->text) - n,
		    ": write one of these as the relay");
	}
}

void
peer_names_tell(const SSL *ssl, struct failure *f)
{
	/* the chain that was looked at, even where it was not accepted */
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	GENERAL_NAMES *names;

	if (sk_X509_num(chain) < 1)
		return;
	names = X509_get_ext_d2i(
	    sk_X509_value(chain, 0), NID_subject_alt_name, NULL, NULL);
	if (names != NULL)
		add_names(names, f);
	GENERAL_NAMES_free(names);
}
