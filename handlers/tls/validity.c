/* How long a certificate is good: see validity.h. */
#include "tls/validity.h"

time_t
validity_end(const X509 *certificate)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return timegm(&tm);
}
