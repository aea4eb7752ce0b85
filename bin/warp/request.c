/* A request for a certificate: see request.h. */
#define _GNU_SOURCE
#include "warp/request.h"
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 64 /* of a common name (RFC 5280 appendix A.1) */

/* The name without its folder. */
static const char *
base_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

int
warp_check_name(const char *name, struct failure *f)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._@:-";
	const size_t n = strlen(name);

	if (n > 0 && n <= NAME_MAX_BYTES && strspn(name, good) == n &&
	    *name != '.' && *name != '-')
		return 0;
	return failure(f,
	    "%s: not a good name: use up to %d letters, digits and ._-@:, but "
	    "not - or . first",
	    name, NAME_MAX_BYTES);
}

/* ---- files ---- */

/* Creates NAMEsuffix, which must be new. Returns NULL with f. */
static FILE *
create(char **path, const char *name, const char *suffix, mode_t mode,
    struct failure *f)
{
	FILE *stream = NULL;
	int fd;

	if (asprintf(path, "%s%s", name, suffix) == -1) {
		*path = NULL;
		return failure_null(f, "%s: out of memory", name);
	}
	fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	/* whatever the umask is: a request is no secret */
	if (fd != -1 && fchmod(fd, mode) == 0)
		stream = fdopen(fd, "w");
	if (stream != NULL)
		return stream;
	if (errno == EEXIST)
		failure(f, "%s: there already: use it, or take another name",
		    *path);
	else
		failure(f, "%s: %s", *path, strerror(errno));
	if (fd != -1)
		close(fd);
	free(*path);
	*path = NULL;
	return NULL;
}

/* Ends what create began; all of it must be on the disk. Returns 0 or -1. */
static int
finish(FILE *stream, int written)
{
	int rc = written && fflush(stream) == 0 && fsync(fileno(stream)) == 0;

	return fclose(stream) == 0 && rc ? 0 : -1;
}

static int
write_key(EVP_PKEY *key, const char *name, char **path, struct failure *f)
{
	FILE *stream = create(path, name, ".key", 0600, f);

	if (stream == NULL)
		return -1;
	if (finish(stream, PEM_write_PrivateKey(
			       stream, key, NULL, NULL, 0, NULL, NULL)) == 0)
		return 0;
	return failure(f, "%s: %s", *path, strerror(errno));
}

static int
write_request(
    X509_REQ *request, const char *name, char **path, struct failure *f)
{
	FILE *stream = create(path, name, ".csr", 0644, f);

	if (stream == NULL)
		return -1;
	if (finish(stream, PEM_write_X509_REQ(stream, request)) == 0)
		return 0;
	return failure(f, "%s: %s", *path, strerror(errno));
}

/* ---- the request ---- */

/* The name in it is for people: who signs it gives another. */
static X509_REQ *
make_request(EVP_PKEY *key, const char *name)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject;

	if (request == NULL)
		return NULL;
	subject = X509_REQ_get_subject_name(request);
	if (X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		(const unsigned char *)base_of(name), -1, -1, 0) == 1 &&
	    X509_REQ_set_pubkey(request, key) == 1 &&
	    X509_REQ_sign(request, key, EVP_sha256()) > 0)
		return request;
	X509_REQ_free(request);
	return NULL;
}

static int
write_both(
    EVP_PKEY *key, X509_REQ *request, const char *name, struct failure *f)
{
	char *key_path = NULL, *request_path = NULL;
	int rc = -1;

	if (write_key(key, name, &key_path, f) == 0)
		rc = write_request(request, name, &request_path, f);
	/* these are ours: create made them */
	if (rc == -1 && key_path != NULL)
		unlink(key_path);
	if (rc == -1 && request_path != NULL)
		unlink(request_path);
	free(key_path);
	free(request_path);
	return rc;
}

int
warp_request(const char *name, struct failure *f)
{
	EVP_PKEY *key;
	X509_REQ *request = NULL;
	int rc = -1;

	if (warp_check_name(base_of(name), f) == -1)
		return -1;
	key = EVP_EC_gen("P-256");
	if (key != NULL)
		request = make_request(key, name);
	if (request != NULL)
		rc = write_both(key, request, name, f);
	else
		failure(f, "%s: OpenSSL makes no key", name);
	ERR_clear_error();
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return rc;
}

int
warp_request_run(const char *name, const char *program, const char *argument)
{
	const char *base = base_of(name);
	struct failure f;

	if (warp_request(name, &f) == -1)
		program_fail(EX_CANTCREAT, "%s", f.text);
	printf("%s.key: stays here, and nobody else gets it\n"
	       "%s.csr: have it signed by who runs the relay:\n"
	       "  relay   # relay-ca sign CUSTOMER %s.csr\n"
	       "then put the %s.warp that comes back beside the key:\n"
	       "  here    $ %s %s.warp %s\n",
	    name, name, base, base, program, base, argument);
	return EX_OK;
}
