/*
 * relayctl customer: gives a customer one more certificate, in the file of
 * customers(5). The table is copied to a new file beside it, with the new line;
 * the copy is read as the broker would, and takes the table's place by a
 * rename. Then the relay reloads.
 */
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "config/customers.h"
#include "config/relay_conf.h"
#include "ctl/command.h"
#include "ctl/show.h"
#include "tls/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX      ".XXXXXX" /* of mkstemp(3) */
#define LINE_FORMAT "certificate = sha256:%s\n"

/* What came of it. */
struct change {
	int status;     /* EX_OK, or another of sysexits(3): nothing changed */
	int changed;    /* 0: the customer had the certificate already */
	char text[512]; /* what was done, or why it was not */
};

static int fail(struct change *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Always -1. */
static int
fail(struct change *r, int status, const char *format, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, format);
	vsnprintf(r->text, sizeof(r->text), format, ap);
	va_end(ap);
	return -1;
}

/* ---- what is asked for ---- */

static int
read_file(struct change *r, struct certificate *c, const char *path)
{
	struct failure f;
	STACK_OF(X509) * chain;
	X509 *certificate = pem_certificate(path, &chain, &f);
	unsigned char *der = NULL;
	int len, rc = 0;

	if (certificate == NULL)
		return fail(r, EX_NOINPUT, "%s", f.text);
	len = i2d_X509(certificate, &der);
	if (len <= 0 || certificate_read(c, der, (size_t)len) == -1)
		rc = fail(r, EX_NOINPUT, "%s: not strict DER", path);
	OPENSSL_free(der);
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
	return rc;
}

static int
identify(struct change *r, struct certificate *c, const char *certificate)
{
	if (identity_parse(&c->identity, certificate) == 0) {
		c->fingerprints[0] = c->identity;
		c->forms = 1;
		return 0;
	}
	if (strncmp(certificate, "sha256:", 7) == 0)
		return fail(r, EX_DATAERR,
		    "%s: not of the form sha256:<64 hex digits>", certificate);
	return read_file(r, c, certificate);
}

static int
check_name(struct change *r, const char *name)
{
	if (!customers_good_name(name))
		return fail(r, EX_DATAERR,
		    "%s: a customer's name is 1 to %d letters, digits and "
		    "._@:-",
		    name, CUSTOMER_NAME_MAX);
	if (strcmp(name, CUSTOMERS_DEFAULT) == 0)
		return fail(r, EX_DATAERR,
		    "[" CUSTOMERS_DEFAULT "] is for the certificates that no "
		    "section names");
	return 0;
}

/* Finds the table, behind all symbolic links: its folder gets the copy. */
static int
find_table(struct change *r, const char *conf_path, char path[PATH_MAX])
{
	struct relay_conf conf;
	struct failure f;
	int rc = 0;

	if (relay_conf_read(&conf, conf_path, &f) == -1)
		return fail(r, EX_CONFIG, "%s", f.text);
	if (conf.customers == NULL)
		rc = fail(r, EX_CONFIG, "%s: no customers line", conf_path);
	else if (realpath(conf.customers, path) == NULL)
		rc = fail(
		    r, EX_CONFIG, "%s: %s", conf.customers, strerror(errno));
	relay_conf_free(&conf);
	return rc;
}

/* Whose the certificate is. Returns 1 if the customer's, 0 if nobody's. */
static int
look_up(struct change *r, const char *path, const char *name,
    const struct certificate *c)
{
	struct failure f;
	struct customers *table = customers_read(path, &f);
	const struct customer_entry *owner;
	int rc = 0;

	if (table == NULL)
		return fail(r, EX_CONFIG, "%s", f.text);
	owner = customers_find(table, c);
	if (strcmp(owner->name, name) == 0)
		rc = 1;
	else if (strcmp(owner->name, CUSTOMERS_DEFAULT) != 0)
		rc = fail(r, EX_DATAERR,
		    "this certificate is in [%s] already: see %s", owner->name,
		    path);
	customers_free(table);
	return rc;
}

/* ---- the new table ---- */

/* Whether line, of a table that is good, begins the section of name. */
static int
is_header(const char *line, const char *name)
{
	size_t n = strlen(name);

	line += strspn(line, " \t\n\v\f\r");
	return *line == '[' && strncmp(line + 1, name, n) == 0 &&
	       line[n + 1] == ']';
}

/* Copies the table, with the certificate behind its section's first line. */
static int
copy_with(FILE *in, FILE *out, const char *name, const char *hex)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int copied = 0, added = 0;

	while ((len = getline(&line, &size, in)) != -1) {
		copied = 1;
		if (fwrite(line, 1, (size_t)len, out) < (size_t)len)
			break;
		if (line[len - 1] != '\n')
			fputc('\n', out);
		if (is_header(line, name)) {
			fprintf(out, LINE_FORMAT, hex);
			added = 1;
		}
	}
	free(line);
	if (!added)
		fprintf(
		    out, "%s[%s]\n" LINE_FORMAT, copied ? "\n" : "", name, hex);
	if (!feof(in) || ferror(out) || fflush(out) != 0)
		return -1;
	return 0;
}

/* Gives the new file the owner and the mode of the old one. */
static int
take_after(int new, int old)
{
	struct stat st;

	if (fstat(old, &st) == -1 || fchown(new, st.st_uid, st.st_gid) == -1)
		return -1;
	return fchmod(new, st.st_mode & 07777);
}

/* Writes the new table to the file copy, which is open as fd, for good. */
static int
write_copy(struct change *r, FILE *in, int fd, const char *copy,
    const char *name, const struct certificate *c)
{
	struct failure f;
	char hex[IDENTITY_HEX_SIZE];
	FILE *out = fdopen(fd, "w");
	struct customers *table;

	if (out == NULL) {
		close(fd);
		return fail(r, EX_IOERR, "%s: %s", copy, strerror(errno));
	}
	identity_hex(&c->fingerprints[0], hex);
	if (copy_with(in, out, name, hex) == -1 ||
	    take_after(fd, fileno(in)) == -1 || fsync(fd) == -1) {
		fail(r, EX_IOERR, "%s: %s", copy, strerror(errno));
		fclose(out);
		return -1;
	}
	if (fclose(out) != 0)
		return fail(r, EX_IOERR, "%s: %s", copy, strerror(errno));
	table = customers_read(copy, &f);
	if (table == NULL)
		return fail(r, EX_DATAERR, "%s", f.text);
	customers_free(table);
	return 0;
}

static int
replace(struct change *r, FILE *in, const char *path, const char *name,
    const struct certificate *c)
{
	char copy[PATH_MAX + sizeof(SUFFIX)];
	int fd;

	snprintf(copy, sizeof(copy), "%s" SUFFIX, path);
	fd = mkstemp(copy);
	if (fd == -1)
		return fail(r, EX_CANTCREAT, "%s: %s", copy, strerror(errno));
	if (write_copy(r, in, fd, copy, name, c) == 0) {
		if (rename(copy, path) == 0)
			return 0;
		fail(r, EX_IOERR, "%s: %s", path, strerror(errno));
	}
	unlink(copy);
	return -1;
}

/*
 * Opens the folder of the table, locked until it is closed: of two that change
 * the table at the same time, the second shall see what the first has written.
 */
static int
lock_folder(struct change *r, const char *path)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	strrchr(folder, '/')[1] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1 && flock(fd, LOCK_EX) == 0)
		return fd;
	fail(r, EX_CANTCREAT, "%s: %s", folder, strerror(errno));
	fd_close(&fd);
	return -1;
}

/* Returns 1 if the table has changed, 0 if there was no need, or -1. */
static int
add(struct change *r, const char *path, const char *name,
    const struct certificate *c)
{
	int folder = lock_folder(r, path), rc;
	FILE *in = NULL;

	if (folder == -1)
		return -1;
	rc = look_up(r, path, name, c);
	if (rc != 0) {
		rc = rc == 1 ? 0 : -1;
		goto done;
	}
	/* for writing as well: who may not write it may not replace it */
	in = fopen(path, "r+e");
	if (in == NULL) {
		rc = fail(r, EX_CANTCREAT, "%s: %s", path, strerror(errno));
		goto done;
	}
	rc = replace(r, in, path, name, c);
	if (rc == 0) {
		fsync(folder); /* the rename is done, on the disk or not yet */
		rc = 1;
	}
done:
	if (in != NULL)
		fclose(in);
	fd_close(&folder);
	return rc;
}

/*
 * Adds certificate, a fingerprint or the path of a PEM file, to the section
 * [name] of the table that the configuration file conf names; the section is
 * made if there is none. Whoever reads the table sees the old or the new one,
 * and the new one only if customers_read takes it.
 */
static struct change
add_certificate(const char *conf, const char *name, const char *certificate)
{
	struct change r = {.status = EX_OK};
	char hex[IDENTITY_HEX_SIZE], path[PATH_MAX];
	struct certificate c;
	int rc;

	if (check_name(&r, name) == -1 || identify(&r, &c, certificate) == -1 ||
	    find_table(&r, conf, path) == -1)
		return r;
	rc = add(&r, path, name, &c);
	if (rc == -1)
		return r;
	r.changed = rc;
	identity_hex(&c.fingerprints[0], hex);
	snprintf(r.text, sizeof(r.text), "sha256:%s %s [%s]", hex,
	    r.changed ? "added to" : "is already in", name);
	return r;
}

static void
say_done(
    const struct ctl_call *call, const struct change *r, struct ctl_answer *a)
{
	if (call->options->json) {
		ctl_json_customer(stdout, call->name, r->changed, a);
		return;
	}
	printf("%s\n", r->text);
	if (!a->done.failed) {
		printf("%s\n", a->done.text);
		return;
	}
	(void)fflush(stdout); /* in this order */
	log_failure(a->done.text);
}

/*
 * The relay reloads even if the table needed no change: relay-ca(1) may have
 * written it, and nobody told the relay yet.
 */
int
command_customer(const struct ctl_call *call)
{
	struct change r;
	struct ctl_answer answer;
	int failed;

	/* before anything is written: will the broker hear us? */
	answer = ctl_ask(call, ADMIN_STATUS, "");
	ctl_free(&answer);
	r = add_certificate(
	    call->options->conf, call->arguments[0], call->arguments[1]);
	if (r.status != EX_OK)
		program_fail(r.status, "%s", r.text);
	answer = ctl_ask(call, ADMIN_RELOAD, "");
	failed = answer.done.failed != 0;
	say_done(call, &r, &answer);
	ctl_free(&answer);
	return failed ? CTL_EXIT_FAILED : EX_OK;
}
