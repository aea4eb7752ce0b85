/* When the relay's own files end: see ends.h. */
#include "ctl/ends.h"
#include "tls/pem.h"
#include "tls/validity.h"

#include <openssl/x509_vfy.h>

static void
keep_first(time_t *first, time_t end)
{
	if (end != 0 && (*first == 0 || end < *first))
		*first = end;
}

static void
look_at(struct ends *ends, const X509_OBJECT *object)
{
	if (X509_OBJECT_get_type(object) == X509_LU_X509)
		keep_first(
		    &ends->ca, validity_end(X509_OBJECT_get0_X509(object)));
	if (X509_OBJECT_get_type(object) == X509_LU_CRL)
		keep_first(&ends->crl,
		    validity_list_end(X509_OBJECT_get0_X509_CRL(object)));
}

int
ends_read(struct ends *ends, const struct relay_conf *conf, struct failure *f)
{
	STACK_OF(X509) *chain = NULL;
	STACK_OF(X509_OBJECT) * objects;
	X509 *certificate = pem_certificate(conf->certificate, &chain, f);
	X509_STORE *store;

	*ends = (struct ends){0, 0, 0};
	if (certificate == NULL)
		return -1;
	ends->certificate = validity_end(certificate);
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
	store = pem_store(conf->ca, conf->crl, f);
	if (store == NULL)
		return -1;
	objects = X509_STORE_get0_objects(store);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++)
		look_at(ends, sk_X509_OBJECT_value(objects, i));
	X509_STORE_free(store);
	return 0;
}
