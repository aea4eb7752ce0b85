/*
 * A client's certificate, checked again while its connection lives: against
 * the files as they are now. The handler opens none: the broker hands it what
 * is in them (ipc/trust_bundle.h).
 */
#ifndef CONNECTION_REVERIFY_H
#define CONNECTION_REVERIFY_H

#include "base/failure.h"
#include "ipc/message.h"

#include <openssl/ssl.h>
#include <time.h>

/* What is checked. It outlives the TLS that it came with. */
struct reverify_subject {
	X509 *leaf;
	STACK_OF(X509) * chain; /* as presented, or NULL */
	int depth;
};

/*
 * Takes what the peer of ssl presented, for reverify_free. Returns 0, or -1:
 * out of memory.
 */
int reverify_take(struct reverify_subject *subject, SSL *ssl);

/* Frees it; safe on a zeroed one. */
void reverify_free(struct reverify_subject *subject);

/*
 * Checks subject against the trust of size bytes in fd, which stays open.
 * Returns the verdict; BAD and FAILED come with a reason in f. An expired CRL
 * fails the check and ends nobody, unless the trust says to pass it over.
 */
enum reverify_verdict reverify_peer(const struct reverify_subject *subject,
    int fd, uint32_t size, struct failure *f);

/*
 * The same against a store that is there already; pass_expired: an expired CRL
 * is no error.
 */
enum reverify_verdict reverify_by(const struct reverify_subject *subject,
    X509_STORE *store, int pass_expired, struct failure *f);

/* When the first certificate of the peer's verified chain ends; Unix time. */
time_t reverify_not_after(const SSL *ssl);

/*
 * Whether an error of X509_verify_cert(3) says nothing of the certificate, but
 * of the relay's own lists.
 */
int reverify_is_of_lists(int error);

#endif
