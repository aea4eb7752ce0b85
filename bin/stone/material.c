/* The keys that a forward names: see material.h. */
#include "stone/material.h"
#include "dial/secret.h"
#include "stone/named_file.h"
#include "tls/client.h"
#include "tls/pem.h"
#include "tls/validity.h"
#include "warp/warp.h"

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

/*
 * The path of a value that was given, which is watched from now on, for the
 * caller to free; NULL with f.
 */
static char *
path_of(
    struct watched *watched, const struct stone_value *value, struct failure *f)
{
	char *path = stone_named_file(value->file, value->text);

	if (path != NULL && watched_add(watched, NULL, path) == 0)
		return path;
	failure(f, "%s: %s", value->text, strerror(errno));
	free(path);
	return NULL;
}

static int
read_secret(struct watched *watched, const struct stone_value *value,
    char secret[static SECRET_MAX], struct failure *f)
{
	char *path = path_of(watched, value, f);
	int rc = path == NULL ? -1 : secret_read(path, secret, f);

	free(path);
	return rc == -1 ? blame(value, f) : 0;
}

static int
read_key(struct tls_material *tls, struct watched *watched,
    const struct stone_tls *conf, const char *passphrase, struct failure *f)
{
	char *path = path_of(watched, &conf->key, f);

	if (path != NULL)
		tls->key = pem_key_encrypted(path, passphrase, f);
	free(path);
	return tls->key == NULL ? blame(&conf->key, f) : 0;
}

/* The key that may lie beside the file at path, now or later. */
static int
watch_key(struct watched *watched, const char *path, struct failure *f)
{
	char *key = warp_key_path(path);
	int rc = key == NULL ? -1 : watched_add(watched, NULL, key);

	free(key);
	return rc == 0 ? 0 : failure(f, "%s: %s", path, strerror(errno));
}

/* What -q has not named. */
static int
read_warp(struct tls_material *tls, struct relays *relays,
    struct watched *watched, const struct stone_value *value,
    const char *passphrase, struct failure *f)
{
	char *path = path_of(watched, value, f);
	int rc = -1;

	if (path != NULL && watch_key(watched, path, f) == 0)
		rc = warp_read(tls, relays, path, passphrase, f);
	free(path);
	return rc == -1 ? blame(value, f) : 0;
}

static int
read_certificate(struct tls_material *tls, struct watched *watched,
    const struct stone_value *value, struct failure *f)
{
	char *path = path_of(watched, value, f);

	if (path != NULL)
		tls->certificate = pem_certificate(path, &tls->chain, f);
	free(path);
	return tls->certificate == NULL ? blame(value, f) : 0;
}

static int
read_file(struct tls_material *tls, struct watched *watched,
    const struct stone_value *value, struct failure *f)
{
	char *path = path_of(watched, value, f);

	if (path != NULL)
		tls->store = pem_store(path, NULL, f);
	free(path);
	return tls->store == NULL ? blame(value, f) : 0;
}

static int
read_folder(struct tls_material *tls, struct watched *watched,
    const struct stone_value *value, struct failure *f)
{
	char *path = path_of(watched, value, f);
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

/* Each is read where it is named. */
static int
read_named(struct tls_material *tls, struct watched *watched,
    const struct stone_tls *conf, const char *passphrase, const char **part,
    struct failure *f)
{
	*part = "key";
	if (conf->key.text != NULL &&
	    read_key(tls, watched, conf, passphrase, f) == -1)
		return -1;
	*part = "certificate";
	if ((conf->cert.text != NULL &&
		read_certificate(tls, watched, &conf->cert, f) == -1) ||
	    (conf->cafile.text != NULL &&
		read_file(tls, watched, &conf->cafile, f) == -1) ||
	    (conf->capath.text != NULL &&
		read_folder(tls, watched, &conf->capath, f) == -1))
		return -1;
	return 0;
}

static int
read_all(struct tls_material *tls, struct relays *relays,
    struct watched *watched, const struct stone_tls *conf, const char **part,
    struct failure *f)
{
	const int locked = conf->passfile.text != NULL;
	char secret[SECRET_MAX];
	const char *passphrase = locked ? secret : NULL;
	int rc;

	*part = "key";
	if (locked && read_secret(watched, &conf->passfile, secret, f) == -1)
		return -1;
	rc = read_named(tls, watched, conf, passphrase, part, f);
	if (rc == 0 && conf->warp.text != NULL)
		rc = read_warp(
		    tls, relays, watched, &conf->warp, passphrase, f);
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
}

/* Where the certificate is from. */
static const struct stone_value *
certificate_of(const struct stone_tls *conf)
{
	return conf->cert.text != NULL ? &conf->cert : &conf->warp;
}

int
stone_material_read(struct tls_material *tls, struct relays *relays,
    struct watched *watched, const struct stone_tls *conf, const char **part,
    struct failure *f)
{
	if (read_all(tls, relays, watched, conf, part, f) == -1)
		return -1;
	*part = "key";
	if (X509_check_private_key(tls->certificate, tls->key) != 1) {
		ERR_clear_error();
		failure(f, "key=%s is not that of cert=%s",
		    conf->key.text != NULL ? conf->key.text : conf->warp.text,
		    certificate_of(conf)->text);
		return blame(
		    conf->key.text != NULL ? &conf->key : &conf->warp, f);
	}
	*part = "certificate";
	return tls_client_complete(tls, f) == -1
		   ? blame(certificate_of(conf), f)
		   : 0;
}

int
stone_material_seal(struct seal *seal, const struct tls_material *tls,
    struct watched *watched, const struct stone_tls *conf, struct failure *f)
{
	char *peers = NULL;
	int rc;

	if (conf->seal.text != NULL &&
	    seal_mode_parse(&seal->mode, conf->seal.text, f) == -1) {
		failure_prefix(f, "-q seal=");
		return blame(&conf->seal, f);
	}
	if (conf->peers.text != NULL) {
		peers = path_of(watched, &conf->peers, f);
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
	if (conf->cert.text == NULL)
		return warp_check_dates(tls, conf->warp.text, f) == 0
			   ? 0
			   : blame(&conf->warp, f);
	if (validity_check(tls->certificate, f) == 0)
		return 0;
	failure_prefix(f, "%s: ", conf->cert.text);
	return blame(&conf->cert, f);
}

const char *
stone_material_name(const struct stone_tls *conf)
{
	return certificate_of(conf)->text;
}
