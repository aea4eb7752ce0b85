/* What this host has: key and certificate. See check.h. */
#include "base/program.h"
#include "base/timestamp.h"
#include "check/check.h"
#include "check/names.h"
#include "tls/validity.h"

#include <string.h>
#include <time.h>

#define DAY       86400L
#define WARN_DAYS 14

/* What stands behind each part of the configuration, and how to mend it. */
static const struct {
	const char *part, *advice;
} parts[] = {
    {"configuration", "mend what the line says; the manual has all options"},
    {"key",
	"the key is a PEM file without a passphrase, or with that of its "
	"passphrase file, its owner is the user that runs this, its mode 600, "
	"and the certificate was made for it"},
    {"certificate",
	"name the cert.pem that the relay's owner made for this key, and as "
	"authorities his ca.pem"},
};

/* ---- steps ---- */

static void
check_key(struct check *c, struct check_line *line)
{
	check_ok(line,
	    "%s of %d bits, closed to others, and that of the certificate",
	    EVP_PKEY_get0_type_name(c->tls->key),
	    EVP_PKEY_get_bits(c->tls->key));
}

static void
check_certificate(struct check *c, struct check_line *line)
{
	const X509 *cert = c->tls->certificate;
	const time_t now = time(NULL), from = validity_start(cert);
	const time_t end = validity_end(cert);
	char subject[CHECK_NAME_MAX], issuer[CHECK_NAME_MAX];
	char when[WHEN_TEXT_SIZE], clock[WHEN_TEXT_SIZE];

	check_name_of(X509_get_subject_name(cert), subject);
	check_name_of(X509_get_issuer_name(cert), issuer);
	timestamp_format((uint64_t)(from > now ? from : end), when);
	timestamp_format((uint64_t)now, clock);
	if (from > now)
		check_fail(line, EX_CONFIG,
		    "set the clock of this host: it shows a time before the "
		    "certificate was made",
		    "%s is not valid before %s, and this host's clock shows %s",
		    subject, when, clock);
	else if (end <= now)
		check_fail(line, EX_CONFIG,
		    "if the clock is right, have the relay's owner renew the "
		    "certificate (relay-ca renew)",
		    "%s expired at %s; by this host's clock it is %s", subject,
		    when, clock);
	else if (end - now < WARN_DAYS * DAY)
		check_warn(line,
		    "have the relay's owner renew the certificate (relay-ca "
		    "renew)",
		    "%s expires in %lld days, at %s", subject,
		    (long long)((end - now) / DAY), when);
	else
		check_ok(line, "%s, issued by %s, good for %lld days", subject,
		    issuer, (long long)((end - now) / DAY));
}

/* ---- all ---- */

/* The parts that were good before the one that was not are told as well. */
int
check_configuration(struct check *c, const char *name, const char *part,
    const struct failure *f)
{
	struct check_line line;
	size_t i = 0;

	while (part != NULL && strcmp(parts[i].part, part) != 0)
		i++;
	if (part == NULL || i > 0) {
		check_ok(&line, "%s", name);
		check_report_add(c->report, parts[0].part, "", &line, 0);
	}
	if (part == NULL)
		return 0;
	check_fail(&line, EX_CONFIG, parts[i].advice, "%s", f->text);
	check_report_add(c->report, part, "", &line, 0);
	return -1;
}

void
check_material(struct check *c, const char *subject)
{
	static const struct check_step steps[] = {
	    {"key", check_key, NULL},
	    {"certificate", check_certificate, NULL},
	};

	check_run(c, subject, steps, sizeof(steps) / sizeof(*steps));
}
