/*
 * The certificates of all who are here, each of them once: the polls of an
 * agent have the same, and so have its stones.
 */
#ifndef CONFIG_CERTIFICATE_SET_H
#define CONFIG_CERTIFICATE_SET_H

#include "config/certificate.h"

struct certificate_set;

/* Returns an empty set for certificate_set_free, or NULL with errno. */
struct certificate_set *certificate_set_new(void);

/* Frees the set, and the certificates that are still taken. */
void certificate_set_free(struct certificate_set *set);

/*
 * The certificate of which the form with this fingerprint
 * (config/certificate.h) is there, or NULL. It is the set's, and stays until it
 * was given back as often as it was taken.
 */
const struct certificate *certificate_set_take(
    struct certificate_set *set, const struct identity *fingerprint);

/*
 * Takes the certificate likewise, which is copied where it is not there yet.
 * Returns NULL with errno (ENOMEM).
 */
const struct certificate *certificate_set_add(
    struct certificate_set *set, const struct certificate *certificate);

/* certificate, which was taken, is not needed any more; NULL: there is none. */
void certificate_set_give_back(
    struct certificate_set *set, const struct certificate *certificate);

#endif
