/* How long a certificate is good: see validity.h. */
#include "tls/validity.h"
#include "base/timestamp.h"

static time_t
unix_time(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

time_t
validity_start(const X509 *certificate)
{
	return unix_time(X509_get0_notBefore(certificate));
}

time_t
validity_end(const X509 *certificate)
{
	return unix_time(X509_get0_notAfter(certificate));
}

time_t
validity_list_end(const X509_CRL *list)
{
	const ASN1_TIME *end = X509_CRL_get0_nextUpdate(list);

	return end == NULL ? 0 : unix_time(end);
}

int
validity_check(const X509 *certificate, struct failure *f)
{
	const time_t now = time(NULL), from = validity_start(certificate);
	const time_t end = validity_end(certificate);
	char when[WHEN_TEXT_SIZE], clock[WHEN_TEXT_SIZE];

	timestamp_format((uint64_t)now, clock);
	timestamp_format((uint64_t)(from > now ? from : end), when);
	if (from > now)
		return failure(f,
		    "not valid before %s; is this host's clock right? It "
		    "shows %s",
		    when, clock);
	if (end <= now)
		return failure(f,
		    "expired at %s; by this host's clock it is %s", when,
		    clock);
	return 0;
}
