/* The client programs' end of TLS: see client.h. */
#include "tls/client.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define TLS_MIN 12 /* the relay decides; its default is 1.3 */

int
tls_client_complete(struct tls_material *material, struct failure *f)
{
	if (X509_check_private_key(material->certificate, material->key) != 1)
		return failure(
		    f, "the key (-k) is not that of the certificate (-c)");
	if (material->store == NULL) {
		material->store = X509_STORE_new();
		if (material->store == NULL ||
		    X509_STORE_set_default_paths(material->store) != 1)
			return failure(f,
			    "the system's CA store cannot be read: name a CA "
			    "with -a");
	}
	material->ctx = tls_context(TLS_client_method(), TLS_MIN);
	if (material->ctx != NULL)
		return 0;
	tls_error_text(f);
	return -1;
}

static int
is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 ||
	       inet_pton(AF_INET6, host, &any) == 1;
}

SSL *
tls_client_start(const struct tls_material *material, int fd, const char *host)
{
	SSL *ssl = tls_new(material, fd);
	int ok;

	if (ssl == NULL)
		return NULL;
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else
		ok = SSL_set1_host(ssl, host) == 1 &&
		     SSL_set_tlsext_host_name(ssl, host) == 1;
	if (!ok) {
		SSL_free(ssl);
		return NULL;
	}
	/* RFC 9525 2: a common name is no host's */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	SSL_set_connect_state(ssl);
	return ssl;
}
