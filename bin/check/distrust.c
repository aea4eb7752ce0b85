/* Why the relay's certificate is not trusted: see distrust.h. */
#include "check/distrust.h"
#include "base/program.h"
#include "base/timestamp.h"
#include "check/names.h"
#include "tls/validity.h"

#include <time.h>

/* ---- seeing ---- */

static int
on_certificate_request(SSL *ssl, void *arg)
{
	struct check_seen *seen = arg;

	(void)ssl;
	seen->asked = 1;
	return 1;
}

static X509 *
keep(X509 *cert)
{
	if (cert != NULL)
		X509_up_ref(cert);
	return cert;
}

static int
on_certificate(int good, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct check_seen *seen = SSL_get_app_data(ssl);
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	const int n = sk_X509_num(sent);

	if (seen->leaf == NULL) {
		seen->leaf = keep(X509_STORE_CTX_get0_cert(ctx));
		seen->top = keep(n > 0 ? sk_X509_value(sent, n - 1) : NULL);
	}
	if (!good && seen->error == X509_V_OK) {
		seen->error = X509_STORE_CTX_get_error(ctx);
		seen->depth = X509_STORE_CTX_get_error_depth(ctx);
		seen->wrong = keep(X509_STORE_CTX_get_current_cert(ctx));
	}
	return good;
}

void
check_seen_watch(struct check_seen *seen, SSL *ssl)
{
	SSL_set_app_data(ssl, seen);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, on_certificate);
	SSL_set_cert_cb(ssl, on_certificate_request, seen);
}

void
check_seen_free(struct check_seen *seen)
{
	X509_free(seen->wrong);
	X509_free(seen->leaf);
	X509_free(seen->top);
}

/* ---- saying ---- */

static const X509_NAME *
issuer(const struct check_seen *seen)
{
	return X509_get_issuer_name(seen->leaf);
}

int
check_is_intercepted(const struct check_seen *seen)
{
	return seen->leaf != NULL &&
	       (check_name_inspects(issuer(seen)) ||
		   check_name_inspects(X509_get_issuer_name(
		       seen->top != NULL ? seen->top : seen->leaf)));
}

void
check_intercepted(
    const struct check_seen *seen, const char *host, struct check_line *line)
{
	char name[CHECK_NAME_MAX];

	check_name_of(issuer(seen), name);
	check_fail(line, EX_NOPERM,
	    "ask who runs the proxy to leave the connections to this host "
	    "alone (an exception from TLS inspection): no relay can be used "
	    "through it",
	    "a company's proxy intercepts TLS to %s: what answers has a "
	    "certificate of %s",
	    host, name);
}

/* Whether an authority of this name, with another key, is trusted. */
static int
is_namesake(const X509_NAME *name, X509_STORE *store)
{
	const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		const X509 *ca = X509_OBJECT_get0_X509(
		    sk_X509_OBJECT_value(all, i));

		if (ca != NULL &&
		    X509_NAME_cmp(X509_get_subject_name(ca), name) == 0)
			return 1;
	}
	return 0;
}

static void
say_unknown(const struct check_seen *seen, X509_STORE *trusted,
    const char *host, struct check_line *line)
{
	char name[CHECK_NAME_MAX];

	check_name_of(issuer(seen), name);
	if (is_namesake(issuer(seen), trusted))
		check_fail(line, EX_CONFIG,
		    "name the ca.pem of this relay's owner as the authority: "
		    "the one here is another relay's, or an old one",
		    "the certificate of %s is issued by another %s than the "
		    "one that is trusted here",
		    host, name);
	else
		check_fail(line, EX_CONFIG,
		    "name the ca.pem of this relay's owner as the authority; "
		    "if the issuer is none of his, something on the way opens "
		    "TLS: ask for an exception for this host",
		    "the certificate of %s is issued by %s, which is not among "
		    "the authorities that are trusted here",
		    host, name);
}

static void
say_expired(const struct check_seen *seen, const X509 *ours, const char *host,
    struct check_line *line)
{
	char name[CHECK_NAME_MAX], when[WHEN_TEXT_SIZE], clock[WHEN_TEXT_SIZE];

	check_name_of(X509_get_subject_name(seen->wrong), name);
	timestamp_format((uint64_t)validity_end(seen->wrong), when);
	timestamp_format((uint64_t)time(NULL), clock);
	if (validity_end(ours) <= time(NULL))
		check_fail(line, EX_CONFIG,
		    "set the clock of this host if it is wrong; if it is "
		    "right, both certificates must be renewed",
		    "the certificate of %s expired at %s, and so has ours: "
		    "this host's clock shows %s",
		    host, when, clock);
	else if (seen->depth > 0)
		check_fail(line, EX_CONFIG,
		    "get the new ca.pem from the relay's owner and name it as "
		    "the authority",
		    "the authority %s expired at %s; by this host's clock it "
		    "is %s",
		    name, when, clock);
	else
		check_fail(line, EX_UNAVAILABLE,
		    "tell the relay's owner to renew its certificate",
		    "the certificate of %s expired at %s; by this host's clock "
		    "it is %s",
		    host, when, clock);
}

static void
say_early(const struct check_seen *seen, struct check_line *line)
{
	char name[CHECK_NAME_MAX], when[WHEN_TEXT_SIZE], clock[WHEN_TEXT_SIZE];

	check_name_of(X509_get_subject_name(seen->wrong), name);
	timestamp_format((uint64_t)validity_start(seen->wrong), when);
	timestamp_format((uint64_t)time(NULL), clock);
	check_fail(line, EX_CONFIG,
	    "set the clock of this host: it shows a time before the "
	    "certificate was made",
	    "the certificate %s is not valid before %s, and this host's clock "
	    "shows %s",
	    name, when, clock);
}

static void
say_other_host(
    const struct check_seen *seen, const char *host, struct check_line *line)
{
	char hosts[256];

	check_hosts_of(seen->leaf, hosts, sizeof(hosts));
	check_fail(line, EX_CONFIG,
	    "write the relay by a name that its certificate has, or have its "
	    "owner add the one that is used here",
	    "the relay's certificate is not for %s, but for %s", host,
	    *hosts != '\0' ? hosts : "no host");
}

void
check_distrust(const struct check_seen *seen, const struct tls_material *ours,
    const char *host, struct check_line *line)
{
	switch (seen->error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_expired(seen, ours->certificate, host, line);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_early(seen, line);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_other_host(seen, host, line);
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		if (check_is_intercepted(seen))
			check_intercepted(seen, host, line);
		else
			say_unknown(seen, ours->store, host, line);
		return;
	default:
		check_fail(line, EX_UNAVAILABLE,
		    "tell the relay's owner what is wrong with its "
		    "certificate",
		    "the certificate of %s is not good: %s", host,
		    X509_verify_cert_error_string(seen->error));
	}
}
