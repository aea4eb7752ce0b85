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
 * The certificate in der, read where it is not there yet (certificate.h). It is
 * the set's, and stays until it was given back as often as it was taken.
 * Returns NULL with errno, as certificate_read does.
 */
const struct certificate *certificate_set_take(
    struct certificate_set *set, const uint8_t *der, size_t len);

/* The same for one that was read before. Returns NULL with errno (ENOMEM). */
const struct certificate *certificate_set_take_copy(
    struct certificate_set *set, const struct certificate *certificate);

/* certificate, which was taken, is not needed any more; NULL: nothing is done.
 */
void certificate_set_give_back(
    struct certificate_set *set, const struct certificate *certificate);

#endif
