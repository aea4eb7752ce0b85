/*
 * What handlers check certificates by after a reload: the files of the
 * authorities and of the revoked, as the broker has read them, in memory that
 * nobody can change any more. So a handler, which can open nothing, needs to
 * open nothing; and a thousand of them read no file a thousand times.
 *
 * The broker does not look into them, and a handler has only what it got.
 */
#ifndef IPC_TRUST_BUNDLE_H
#define IPC_TRUST_BUNDLE_H

#include "base/failure.h"
#include "config/relay_conf.h"

#include <stddef.h>
#include <stdint.h>

/* bytes of one file, as tls/pem.c takes them */
#define TRUST_FILE_MAX (1 << 20)
#define TRUST_MAX      (2 * TRUST_FILE_MAX + 16384)

/* One file. */
struct trust_bundle_file {
	const char *path; /* for messages; "": there is none */
	const unsigned char *at;
	uint32_t len;
};

struct trust_bundle {
	struct trust_bundle_file ca;
	struct trust_bundle_file crl; /* path "": none is checked */
	int pass_expired;             /* an expired crl is no error */
	unsigned char *memory;        /* where all of this lies */
};

/*
 * Reads the files that conf names into a sealed memfd(2) of *size bytes, which
 * the caller closes. Returns it, or -1 with a reason in f.
 */
int trust_bundle_write(
    const struct relay_conf *conf, uint32_t *size, struct failure *f);

/*
 * Reads them back from fd, of size bytes, at most TRUST_MAX. The caller closes
 * fd, and frees *t with trust_bundle_free. Returns 0, or -1 with errno: EPROTO
 * where the lengths in it do not fit.
 */
int trust_bundle_read(struct trust_bundle *t, int fd, uint32_t size);

void trust_bundle_free(struct trust_bundle *t);

#endif
