/* A token, found and logged in to: see token.h. */
#include "keyd/token.h"
#include "base/config_lines.h"
#include "keyd/token_state.h"
#include "tls/pem_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 64 /* of one module */

/* ---- the URI ---- */

P11KitUri *
token_uri(const struct relay_conf *conf, struct failure *f)
{
	P11KitUri *uri = p11_kit_uri_new();
	int rc;

	if (uri == NULL)
		return failure_null(f, "%s: out of memory", conf->path);
	rc = p11_kit_uri_parse(conf->key, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri);
	if (rc == P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri))
		return uri;
	failure(f, "%s: key: %s", conf->path,
	    rc == P11_KIT_URI_OK ? "the URI has parts that name no key"
				 : p11_kit_uri_message(rc));
	p11_kit_uri_free(uri);
	return NULL;
}

/* ---- the token ---- */

/* The one that module-path names, or all that this host has. */
static CK_FUNCTION_LIST **
load_modules(const P11KitUri *uri)
{
	const char *path = p11_kit_uri_get_module_path(uri);
	CK_FUNCTION_LIST **one;

	if (path == NULL)
		return p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	one = calloc(2, sizeof(CK_FUNCTION_LIST *));
	if (one == NULL)
		return NULL;
	one[0] = p11_kit_module_load(path, P11_KIT_MODULE_UNMANAGED);
	if (one[0] != NULL)
		return one;
	free(one);
	return NULL;
}

/* Those that do not start are left out of the list. */
static int
start_modules(struct token *t, const P11KitUri *uri, struct failure *f)
{
	CK_RV rv;

	/* its words are not log lines */
	p11_kit_be_quiet();
	t->modules = load_modules(uri);
	if (t->modules == NULL) {
		failure(f, "no module of PKCS #11: %s",
		    p11_kit_message() == NULL ? strerror(errno)
					      : p11_kit_message());
		return -1;
	}
	rv = p11_kit_modules_initialize(t->modules, NULL);
	if (rv == CKR_OK || *t->modules != NULL)
		return 0;
	return failure(
	    f, "no module of PKCS #11 starts: %s", p11_kit_strerror(rv));
}

/* Notes those of module that uri names. Returns how many these are. */
static int
find_in_module(struct token *t, CK_FUNCTION_LIST *module, const P11KitUri *uri)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO info;
	int found = 0;

	if (module->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < n; i++) {
		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
		    !p11_kit_uri_match_token_info(uri, &info))
			continue;
		t->module = module;
		t->slot = slots[i];
		t->info = info;
		found++;
	}
	return found;
}

/* A PIN is for one alone: others count it as a wrong one. */
static int
find_token(struct token *t, const P11KitUri *uri, struct failure *f)
{
	int found = 0;

	for (size_t i = 0; t->modules[i] != NULL; i++)
		found += find_in_module(t, t->modules[i], uri);
	if (found == 1)
		return 0;
	errno = found == 0 ? ENODEV : EINVAL;
	failure(f, "%s",
	    found == 0 ? "no such token is there: put it in, or see whether "
			 "its files are this user's"
		       : "more than one token is meant: say token=");
	return -1;
}

/* ---- to log in ---- */

static CK_ULONG
length_of_line(const struct pem_text *t)
{
	CK_ULONG n = t->len;

	while (n > 0 && (t->at[n - 1] == '\n' || t->at[n - 1] == '\r'))
		n--;
	return n;
}

/* pin-source is a file's name, or a URI of one (RFC 7512 2.4). */
static int
log_in_with_file(struct token *t, const char *path, struct failure *f)
{
	struct pem_text pin;
	CK_RV rv;

	if (pem_text_read(&pin, path, 1, f) == -1)
		return -1;
	rv = t->module->C_Login(
	    t->session, CKU_USER, pin.at, length_of_line(&pin));
	pem_text_free(&pin);
	if (rv == CKR_OK)
		return 0;
	return failure(
	    f, "%s: not the token's PIN: %s", path, p11_kit_strerror(rv));
}

static int
log_in(struct token *t, const struct relay_conf *conf, const P11KitUri *uri,
    struct failure *f)
{
	const char *source = p11_kit_uri_get_pin_source(uri);
	char *path;
	int rc;

	if ((t->info.flags & CKF_LOGIN_REQUIRED) == 0)
		return 0;
	/* who tries it once more, in vain, locks it */
	if ((t->info.flags & (CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)) !=
	    0)
		return failure(f, "the token has had a wrong PIN too often: "
				  "log in to it by hand first");
	if (source == NULL)
		return failure(f, "the token needs a PIN: name a file that "
				  "has it, by pin-source=");
	if (strncmp(source, "file:", 5) == 0)
		source += strncmp(source, "file:///", 8) == 0 ? 7 : 5;
	path = config_lines_relative(conf->path, source);
	if (path == NULL)
		return failure(f, "out of memory");
	rc = log_in_with_file(t, path, f);
	free(path);
	return rc;
}

struct token *
token_open(const struct relay_conf *conf, struct failure *f)
{
	P11KitUri *uri = token_uri(conf, f);
	struct token *t;
	CK_RV rv;

	if (uri == NULL)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		failure(f, "out of memory");
		goto fail;
	}
	if (start_modules(t, uri, f) == -1 || find_token(t, uri, f) == -1)
		goto fail;
	rv = t->module->C_OpenSession(
	    t->slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
	if (rv != CKR_OK) {
		failure(f, "the token: %s", p11_kit_strerror(rv));
		goto fail;
	}
	if (log_in(t, conf, uri, f) == 0) {
		p11_kit_uri_free(uri);
		return t;
	}
fail:
	p11_kit_uri_free(uri);
	token_close(t);
	failure_prefix(f, "%s: key: ", conf->path);
	return NULL;
}

void
token_close(struct token *t)
{
	const int error = errno;

	if (t == NULL)
		return;
	if (t->session != CK_INVALID_HANDLE)
		t->module->C_CloseSession(t->session);
	if (t->modules != NULL)
		p11_kit_modules_finalize_and_release(t->modules);
	free(t);
	errno = error;
}

const char *
token_lost(const struct token *t)
{
	return t->lost;
}
