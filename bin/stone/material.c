/* The keys that a forward names: see material.h. */
#include "stone/material.h"
#include "dial/secret.h"
#include "stone/named_file.h"
#include "tls/client.h"
#include "tls/pem.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says where the value was given. Returns -1. */
static int
blame(const struct stone_value *value, struct failure *f)
{
	return stone_words_locate(f, value->file, value->line);
}

/* The path of a value that was given, for the caller to free; NULL with f. */
static char *
path_of(const struct stone_value *value, struct failure *f)
{
	char *path = stone_named_file(value->file, value->text);

	if (path == NULL)
		failure(f, "%s: %s", value->text, strerror(errno));
	return path;
}

static int
read_secret(const struct stone_value *value, char secret[static SECRET_MAX],
    struct failure *f)
{
	char *path = path_of(value, f);
	int rc = path == NULL ? -1 : secret_read(path, secret, f);

	free(path);
	return rc == -1 ? blame(value, f) : 0;
}

static int
read_key(
    struct tls_material *tls, const struct stone_tls *conf, struct failure *f)
{
	const int locked = conf->passfile.text != NULL;
	char secret[SECRET_MAX], *path;

	if (locked && read_secret(&conf->passfile, secret, f) == -1)
		return -1;
	path = path_of(&conf->key, f);
	if (path != NULL)
		tls->key = locked ? pem_key_encrypted(path, secret, f)
				  : pem_key(path, f);
	OPENSSL_cleanse(secret, sizeof(secret));
	free(path);
	return tls->key == NULL ? blame(&conf->key, f) : 0;
}

static int
read_certificate(struct tls_material *tls, const struct stone_value *value,
    struct failure *f)
{
	char *path = path_of(value, f);

	if (path != NULL)
		tls->certificate = pem_certificate(path, &tls->chain, f);
	free(path);
	return tls->certificate == NULL ? blame(value, f) : 0;
}

static int
read_file(struct tls_material *tls, const struct stone_value *value,
    struct failure *f)
{
	char *path = path_of(value, f);

	if (path != NULL)
		tls->store = pem_store(path, NULL, f);
	free(path);
	return tls->store == NULL ? blame(value, f) : 0;
}

static int
read_folder(struct tls_material *tls, const struct stone_value *value,
    struct failure *f)
{
	char *path = path_of(value, f);
	int rc = -1;

	if (tls->store == NULL)
		tls->store = X509_STORE_new();
	if (path == NULL)
		;
	else if (tls->store == NULL)
		failure(f, "out of memory");
	else if (access(path, R_OK | X_OK) == -1 ||
		 X509_STORE_load_path(tls->store, path) != 1)
		failure(f, "%s: %s", path, strerror(errno));
	else
		rc = 0;
	free(path);
	return rc == -1 ? blame(value, f) : 0;
}

int
stone_material_read(
    struct tls_material *tls, const struct stone_tls *conf, struct failure *f)
{
	if (read_key(tls, conf, f) == -1 ||
	    read_certificate(tls, &conf->cert, f) == -1)
		return -1;
	if (X509_check_private_key(tls->certificate, tls->key) != 1) {
		ERR_clear_error();
		failure(f, "key=%s is not that of cert=%s", conf->key.text,
		    conf->cert.text);
		return blame(&conf->key, f);
	}
	if (conf->cafile.text != NULL && read_file(tls, &conf->cafile, f) == -1)
		return -1;
	if (conf->capath.text != NULL &&
	    read_folder(tls, &conf->capath, f) == -1)
		return -1;
	return tls_client_complete(tls, f) == -1 ? blame(&conf->cert, f) : 0;
}

int
stone_material_seal(struct seal *seal, const struct tls_material *tls,
    const struct stone_tls *conf, struct failure *f)
{
	char *peers = NULL;
	int rc;

	if (conf->seal.text != NULL &&
	    seal_mode_parse(&seal->mode, conf->seal.text, f) == -1) {
		failure_prefix(f, "-q seal=");
		return blame(&conf->seal, f);
	}
	if (conf->peers.text != NULL) {
		peers = path_of(&conf->peers, f);
		if (peers == NULL)
			return blame(&conf->peers, f);
	}
	rc = seal_init(seal, SEAL_STONE, tls, peers, f);
	free(peers);
	return rc == -1 ? blame(&conf->peers, f) : 0;
}

int
stone_material_check(const struct tls_material *tls,
    const struct stone_tls *conf, struct failure *f)
{
	if (validity_check(tls->certificate, f) == 0)
		return 0;
	failure_prefix(f, "%s: ", conf->cert.text);
	return blame(&conf->cert, f);
}
