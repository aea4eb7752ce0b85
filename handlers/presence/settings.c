/* What relay-presence reads: see settings.h. */
#include "presence/settings.h"
#include "base/fd.h"
#include "base/regular_file.h"
#include "peer/material.h"
#include "tls/pem.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096 /* bytes of a secret; an error where there are more */
#define TLS_MIN  12

/* Reads a file that is closed to others. Returns its length, or -1 with f. */
static ssize_t
read_private(const char *path, const char *what, char text[static FILE_MAX],
    struct failure *f)
{
	struct stat st;
	int fd = regular_file_open(path, &st);
	ssize_t n = -1;

	if (fd == -1)
		return regular_file_unreadable(path, f);
	if (regular_file_check_private(&st, path, what, f) == 0) {
		n = read(fd, text, FILE_MAX);
		if (n == -1)
			failure(f, "%s: %s", path, strerror(errno));
	}
	fd_close(&fd);
	if (n != FILE_MAX)
		return n;
	return failure(f, "%s: longer than %d bytes", path, FILE_MAX - 1);
}

static int
load_secret(struct settings *s, struct failure *f)
{
	const char *path = s->conf.presence_secret;
	char text[FILE_MAX];
	ssize_t n = read_private(path, "a secret", text, f);

	if (n == -1)
		return -1;
	if (n < SETTINGS_SECRET_MIN)
		failure(f,
		    "%s: fewer than %d bytes: make it by openssl rand -hex 32",
		    path, SETTINGS_SECRET_MIN);
	else if (EVP_Digest(
		     text, (size_t)n, s->secret, NULL, EVP_sha256(), NULL) != 1)
		n = failure(f, "out of memory");
	OPENSSL_cleanse(text, sizeof(text));
	return n < SETTINGS_SECRET_MIN ? -1 : 0;
}

/* The first line. */
static int
load_password(struct settings *s, struct failure *f)
{
	const char *path = s->conf.presence_password;
	char text[FILE_MAX];
	size_t len;
	ssize_t n;

	if (path == NULL)
		return 0;
	n = read_private(path, "a password", text, f);
	if (n == -1)
		return -1;
	text[n] = '\0';
	len = strcspn(text, "\r\n");
	if (len > 0 && len < sizeof(s->password))
		memcpy(s->password, text, len);
	OPENSSL_cleanse(text, sizeof(text));
	if (len > 0 && len < sizeof(s->password))
		return 0;
	return failure(
	    f, "%s: no line of 1 to %d bytes", path, SETTINGS_PASSWORD_MAX - 1);
}

static int
find_place(struct settings_place *at, const struct store_place *place,
    struct failure *f)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int rc;

	if (place->path[0] != '\0') {
		at->address.local.sun_family = AF_UNIX;
		memcpy(at->address.local.sun_path, place->path,
		    sizeof(place->path));
		at->len = sizeof(at->address.local);
		at->is_local = 1;
		snprintf(at->text, sizeof(at->text), "%.*s",
		    NETADDR_TEXT_MAX - 1, place->path);
		return 0;
	}
	rc = getaddrinfo(place->addr.host, place->addr.port, &hints, &found);
	if (rc != 0)
		return failure(f, "presence: %s:%s: %s", place->addr.host,
		    place->addr.port, gai_strerror(rc));
	memcpy(&at->address.net, found->ai_addr, found->ai_addrlen);
	at->len = found->ai_addrlen;
	netaddr_text(&at->address.any, at->text);
	freeaddrinfo(found);
	return 0;
}

static int
load_name(struct settings *s, struct failure *f)
{
	STACK_OF(X509) *chain = NULL;
	X509 *own = pem_certificate(s->conf.peer_certificate, &chain, f);
	int rc;

	if (own == NULL)
		return -1;
	rc = peer_material_name(own, s->node);
	X509_free(own);
	sk_X509_pop_free(chain, X509_free);
	if (rc == 0)
		return 0;
	return failure(f,
	    "%s: has no name of a relay: make it with relay-ca node",
	    s->conf.peer_certificate);
}

static int
load_tls(struct settings *s, struct failure *f)
{
	if (s->conf.presence_ca == NULL)
		return 0;
	s->tls.store = pem_store(s->conf.presence_ca, NULL, f);
	if (s->tls.store == NULL)
		return -1;
	s->tls.ctx = tls_context(TLS_client_method(), TLS_MIN);
	if (s->tls.ctx != NULL)
		return 0;
	tls_error_text(f);
	return -1;
}

int
settings_load(struct settings *s, const char *path, struct failure *f)
{
	memset(s, 0, sizeof(*s));
	if (relay_conf_read(&s->conf, path, f) == -1)
		return -1;
	if (s->conf.nstores == 0) {
		failure(f, "%s: no presence line", path);
		goto fail;
	}
	for (size_t i = 0; i < s->conf.nstores; i++)
		if (find_place(&s->places[i], &s->conf.stores[i], f) == -1)
			goto fail;
	if (load_name(s, f) == 0 && load_secret(s, f) == 0 &&
	    load_password(s, f) == 0 && load_tls(s, f) == 0)
		return 0;
fail:
	settings_free(s);
	return -1;
}

static int
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int
settings_same_store(const struct settings *a, const struct settings *b)
{
	return a->conf.nstores == b->conf.nstores &&
	       memcmp(a->conf.stores, b->conf.stores, sizeof(a->conf.stores)) ==
		   0 &&
	       memcmp(a->secret, b->secret, sizeof(a->secret)) == 0 &&
	       strcmp(a->node, b->node) == 0 &&
	       strcmp(a->password, b->password) == 0 &&
	       same_text(a->conf.presence_user, b->conf.presence_user) &&
	       same_text(a->conf.presence_ca, b->conf.presence_ca);
}

void
settings_free(struct settings *s)
{
	relay_conf_free(&s->conf);
	tls_material_free(&s->tls);
	OPENSSL_cleanse(s, sizeof(*s));
}
