/* The keys that a forward names: see material.h. */
#include "stone/material.h"
#include "dial/secret.h"
#include "stone/named_file.h"
#include "tls/client.h"
#include "tls/pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static EVP_PKEY *
read_key(const struct stone_forward *conf, struct failure *f)
{
	char *path = stone_named_file(conf->file, conf->tls.key),
	     *passfile = NULL;
	char secret[SECRET_MAX];
	EVP_PKEY *key = NULL;

	if (conf->tls.passfile != NULL)
		passfile = stone_named_file(conf->file, conf->tls.passfile);
	if (path == NULL || (conf->tls.passfile != NULL && passfile == NULL))
		failure(f, "%s", strerror(errno));
	else if (passfile == NULL)
		key = pem_key(path, f);
	else if (secret_read(passfile, secret, f) == 0)
		key = pem_key_encrypted(path, secret, f);
	OPENSSL_cleanse(secret, sizeof(secret));
	free(path);
	free(passfile);
	return key;
}

static X509 *
read_certificate(const struct stone_forward *conf, STACK_OF(X509) * *chain,
    struct failure *f)
{
	char *path = stone_named_file(conf->file, conf->tls.cert);
	X509 *certificate = NULL;

	if (path == NULL)
		failure(f, "%s", strerror(errno));
	else
		certificate = pem_certificate(path, chain, f);
	free(path);
	return certificate;
}

/* Of CAfile or CApath, or both. */
static X509_STORE *
read_store(const struct stone_forward *conf, struct failure *f)
{
	char *file = NULL, *folder = NULL;
	X509_STORE *store = NULL;

	if (conf->tls.cafile != NULL)
		file = stone_named_file(conf->file, conf->tls.cafile);
	if (conf->tls.capath != NULL)
		folder = stone_named_file(conf->file, conf->tls.capath);
	if ((conf->tls.cafile != NULL && file == NULL) ||
	    (conf->tls.capath != NULL && folder == NULL))
		failure(f, "%s", strerror(errno));
	else if (file != NULL)
		store = pem_store(file, NULL, f);
	else if ((store = X509_STORE_new()) == NULL)
		failure(f, "out of memory");
	if (store != NULL && folder != NULL &&
	    (access(folder, R_OK | X_OK) == -1 ||
		X509_STORE_load_path(store, folder) != 1)) {
		failure(f, "%s: %s", folder, strerror(errno));
		X509_STORE_free(store);
		store = NULL;
	}
	free(file);
	free(folder);
	return store;
}

int
stone_material_read(struct tls_material *tls, const struct stone_forward *conf,
    struct failure *f)
{
	tls->key = read_key(conf, f);
	if (tls->key == NULL)
		return -1;
	tls->certificate = read_certificate(conf, &tls->chain, f);
	if (tls->certificate == NULL)
		return -1;
	if (X509_check_private_key(tls->certificate, tls->key) != 1) {
		ERR_clear_error();
		return failure(f, "key=%s is not that of cert=%s",
		    conf->tls.key, conf->tls.cert);
	}
	if (conf->tls.cafile != NULL || conf->tls.capath != NULL) {
		tls->store = read_store(conf, f);
		if (tls->store == NULL)
			return -1;
	}
	return tls_client_complete(tls, f);
}
