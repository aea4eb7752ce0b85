/*
 * The key, certificates and authorities that a forward names with -q.
 */
#ifndef STONE_MATERIAL_H
#define STONE_MATERIAL_H

#include "base/failure.h"
#include "stone/conf.h"
#include "tls/seal.h"

/*
 * Reads them into tls, which was empty, and completes it (tls/client.h).
 * Returns 0, or -1 with "file:line: reason" in f; tls_material_free either way.
 */
int stone_material_read(
    struct tls_material *tls, const struct stone_tls *conf, struct failure *f);

/*
 * Makes of them, and of -q seal and -q peers, what sealing needs; seal was
 * zeroed. Likewise; seal_free either way.
 */
int stone_material_seal(struct seal *seal, const struct tls_material *tls,
    const struct stone_tls *conf, struct failure *f);

/* Whether the certificate is valid now. Returns 0, or -1 likewise. */
int stone_material_check(const struct tls_material *tls,
    const struct stone_tls *conf, struct failure *f);

#endif
