/*
 * Why the relay's certificate is not trusted, in words.
 */
#ifndef CHECK_DISTRUST_H
#define CHECK_DISTRUST_H

#include "check/report.h"
#include "tls/tls.h"

#include <openssl/ssl.h>

/* What the verification of the other end's certificate has seen. */
struct check_seen {
	int asked; /* the other end asked for our certificate */
	int error; /* X509_V_ERR_..., of the first that was wrong; X509_V_OK */
	int depth; /* of it; 0: the other end's own certificate */
	X509 *wrong; /* it */
	X509 *leaf;  /* the other end's own */
	X509 *top;   /* the last that the other end sent */
};

/* Has ssl's handshake tell *seen, which is zeroed and outlives it. */
void check_seen_watch(struct check_seen *seen, SSL *ssl);

/* Frees what it holds. */
void check_seen_free(struct check_seen *seen);

/*
 * Says in line why host's certificate, of which seen tells, is not trusted by
 * the client with the material ours: where its own certificate is out of date
 * too, it is the clock.
 */
void check_distrust(const struct check_seen *seen,
    const struct tls_material *ours, const char *host, struct check_line *line);

/* Whether the other end is one that opens TLS to look into it. */
int check_is_intercepted(const struct check_seen *seen);

/* Says in line that it is. */
void check_intercepted(
    const struct check_seen *seen, const char *host, struct check_line *line);

#endif
