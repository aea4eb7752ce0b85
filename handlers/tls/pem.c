/* PEM files: see pem.h. */
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <string.h>

/* An empty passphrase: a daemon has nobody to ask. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

/* The PEM objects of any kind but keys, or NULL with f. */
static STACK_OF(X509_INFO) *
    parse_infos(const struct trust_bundle_file *file, struct failure *f)
{
	STACK_OF(X509_INFO) *infos = NULL;
	BIO *bio = BIO_new_mem_buf(file->at, (int)file->len);

	if (bio != NULL)
		infos = PEM_X509_INFO_read_bio(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (infos == NULL)
		failure(f, "%s: not a PEM file", file->path);
	return infos;
}

static STACK_OF(X509_INFO) * read_infos(const char *path, struct failure *f)
{
	STACK_OF(X509_INFO) * infos;
	struct trust_bundle_file file = {.path = path};
	struct pem_text t;

	if (pem_text_read(&t, path, 0, f) == -1)
		return NULL;
	file.at = t.at;
	file.len = (uint32_t)t.len;
	infos = parse_infos(&file, f);
	pem_text_free(&t);
	return infos;
}

static void
free_infos(STACK_OF(X509_INFO) * infos)
{
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
}

X509 *
pem_certificate(const char *path, STACK_OF(X509) * *chain, struct failure *f)
{
	STACK_OF(X509_INFO) *infos = read_infos(path, f);
	X509 *first = NULL;

	*chain = NULL;
	if (infos == NULL)
		return NULL;
	*chain = sk_X509_new_null();
	for (int i = 0; *chain != NULL && i < sk_X509_INFO_num(infos); i++) {
		X509 *cert = sk_X509_INFO_value(infos, i)->x509;

		if (cert == NULL)
			continue;
		X509_up_ref(cert);
		if (first == NULL)
			first = cert;
		else if (sk_X509_push(*chain, cert) == 0)
			X509_free(cert);
	}
	free_infos(infos);
	if (first == NULL) {
		failure(f, "%s: no certificate in it", path);
		sk_X509_pop_free(*chain, X509_free);
		*chain = NULL;
	}
	return first;
}

STACK_OF(X509) * pem_certificates(const char *path, struct failure *f)
{
	STACK_OF(X509) * all;
	X509 *first = pem_certificate(path, &all, f);

	if (first == NULL)
		return NULL;
	if (all != NULL && sk_X509_unshift(all, first) > 0)
		return all;
	X509_free(first);
	sk_X509_pop_free(all, X509_free);
	failure(f, "%s: out of memory", path);
	return NULL;
}

/* Hands OpenSSL the passphrase arg. */
static int
give_passphrase(char *buf, int size, int writing, void *arg)
{
	size_t n = strnlen(arg, (size_t)size + 1);

	(void)writing;
	if (n > (size_t)size)
		return 0;
	memcpy(buf, arg, n);
	return (int)n;
}

EVP_PKEY *
pem_key(const char *path, struct failure *f)
{
	return pem_key_encrypted(path, NULL, f);
}

EVP_PKEY *
pem_key_encrypted(const char *path, const char *passphrase, struct failure *f)
{
	EVP_PKEY *key;
	struct pem_text t;

	if (pem_text_read(&t, path, 1, f) == -1)
		return NULL;
	key = pem_key_of(&t, path, passphrase, f);
	pem_text_free(&t);
	return key;
}

EVP_PKEY *
pem_key_of(const struct pem_text *t, const char *path, const char *passphrase,
    struct failure *f)
{
	BIO *bio = BIO_new_mem_buf(t->at, (int)t->len);
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL,
		    passphrase != NULL ? give_passphrase : no_passphrase,
		    (void *)(uintptr_t)passphrase);
	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL)
		failure(f, "%s: no private key %s in it", path,
		    passphrase != NULL ? "that the passphrase opens"
				       : "without a passphrase");
	return key;
}

static int
add_to_store(X509_STORE *store, STACK_OF(X509_INFO) * infos, int crls)
{
	int added = 0;

	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509_INFO *info = sk_X509_INFO_value(infos, i);

		if (crls && info->crl != NULL)
			added += X509_STORE_add_crl(store, info->crl);
		else if (!crls && info->x509 != NULL)
			added += X509_STORE_add_cert(store, info->x509);
	}
	return added;
}

static int
load_store(X509_STORE *store, const struct trust_bundle_file *file, int crls,
    struct failure *f)
{
	STACK_OF(X509_INFO) *infos = parse_infos(file, f);
	int added;

	if (infos == NULL)
		return -1;
	added = add_to_store(store, infos, crls);
	free_infos(infos);
	if (added > 0)
		return 0;
	return failure(
	    f, "%s: no %s in it", file->path, crls ? "CRL" : "certificate");
}

X509_STORE *
pem_store_of(const struct trust_bundle_file *ca,
    const struct trust_bundle_file *crl, struct failure *f)
{
	const int checked = *crl->path != '\0';
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return failure_null(f, "%s: out of memory", ca->path);
	if (load_store(store, ca, 0, f) == 0 &&
	    (!checked || load_store(store, crl, 1, f) == 0)) {
		if (checked)
			X509_STORE_set_flags(store,
			    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

/* NULL for path is a file that is none. */
static int
read_file(struct trust_bundle_file *file, struct pem_text *t, const char *path,
    struct failure *f)
{
	t->at = NULL;
	t->len = 0;
	if (path != NULL && pem_text_read(t, path, 0, f) == -1)
		return -1;
	*file = (struct trust_bundle_file){
	    path == NULL ? "" : path, t->at, (uint32_t)t->len};
	return 0;
}

X509_STORE *
pem_store(const char *ca, const char *crl, struct failure *f)
{
	struct pem_text ca_text, crl_text = {.at = NULL};
	struct trust_bundle_file ca_file, crl_file;
	X509_STORE *store = NULL;

	if (read_file(&ca_file, &ca_text, ca, f) == 0 &&
	    read_file(&crl_file, &crl_text, crl, f) == 0)
		store = pem_store_of(&ca_file, &crl_file, f);
	pem_text_free(&ca_text);
	pem_text_free(&crl_text);
	return store;
}

STACK_OF(X509_NAME) * pem_names(const char *path, struct failure *f)
{
	STACK_OF(X509_INFO) *infos = read_infos(path, f);
	STACK_OF(X509_NAME) * names;

	if (infos == NULL)
		return NULL;
	names = sk_X509_NAME_new_null();
	for (int i = 0; names != NULL && i < sk_X509_INFO_num(infos); i++) {
		X509 *cert = sk_X509_INFO_value(infos, i)->x509;
		X509_NAME *name = cert == NULL
				      ? NULL
				      : X509_NAME_dup(
					    X509_get_subject_name(cert));

		if (name != NULL && sk_X509_NAME_push(names, name) == 0)
			X509_NAME_free(name);
	}
	free_infos(infos);
	return names;
}
