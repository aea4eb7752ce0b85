/* Names in certificates: see names.h. */
#define _GNU_SOURCE
#include "check/names.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

void
check_name_of(const X509_NAME *name, char text[static CHECK_NAME_MAX])
{
	char buf[CHECK_NAME_MAX - 2];
	X509_NAME *own = X509_NAME_dup(name);
	int n = -1;

	if (own != NULL)
		n = X509_NAME_get_text_by_NID(
		    own, NID_commonName, buf, sizeof(buf));
	if (own != NULL && n <= 0)
		n = X509_NAME_get_text_by_NID(
		    own, NID_organizationName, buf, sizeof(buf));
	snprintf(
	    text, CHECK_NAME_MAX, "\"%s\"", n > 0 ? buf : "without a name");
	X509_NAME_free(own);
}

void
check_hosts_of(const X509 *certificate, char *text, size_t size)
{
	const int at = X509_get_ext_by_NID(
	    certificate, NID_subject_alt_name, -1);
	BIO *bio = BIO_new(BIO_s_mem());
	char *names = NULL;
	long n = 0;

	if (bio != NULL && at != -1 &&
	    X509V3_EXT_print(bio, X509_get_ext(certificate, at), 0, 0) == 1)
		n = BIO_get_mem_data(bio, &names);
	snprintf(text, size, "%.*s", (int)n, n > 0 ? names : "");
	BIO_free(bio);
}

int
check_name_inspects(const X509_NAME *name)
{
	static const char *const words[] = {"proxy", "inspect", "intercept",
	    "firewall", "gateway", "decrypt", "mitm", "man in the middle",
	    "zscaler", "netskope", "fortinet", "fortigate", "palo alto",
	    "blue coat", "bluecoat", "symantec web", "sophos", "check point",
	    "checkpoint", "cisco umbrella", "forcepoint", "websense", "mcafee",
	    "barracuda", "watchguard", "sonicwall", "untangle", "trend micro",
	    "kaspersky", "avast", "avg web", "bitdefender", "eset ssl", "squid",
	    "fiddler", "charles"};
	char line[512];

	X509_NAME_oneline(name, line, sizeof(line));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(line, words[i]) != NULL)
			return 1;
	return 0;
}
