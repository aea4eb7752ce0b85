/*
 * The key, certificates and authorities that a forward names with -q.
 */
#ifndef STONE_MATERIAL_H
#define STONE_MATERIAL_H

#include "base/failure.h"
#include "stone/conf.h"
#include "tls/seal.h"
#include "tls/tls.h"
#include "warp/relays.h"
#include "warp/watched.h"

/*
 * Reads them into tls, which was empty, and completes it (tls/client.h); and
 * *relays, where that has none and -f says where they are. Has the files
 * watched. Returns 0, or -1 with "file:line: reason" in f and, in
 * *part, "key" or "certificate", which it is about; tls_material_free either
 * way.
 */
int stone_material_read(struct tls_material *tls, struct relays *relays,
    struct watched *watched, const struct stone_tls *conf, const char **part,
    struct failure *f);

/* The file that the certificate is from, as it is named. */
const char *stone_material_name(const struct stone_tls *conf);

/*
 * Makes of them, and of -q seal and -q peers, what sealing needs; seal was
 * zeroed. Likewise; seal_free either way.
 */
int stone_material_seal(struct seal *seal, const struct tls_material *tls,
    struct watched *watched, const struct stone_tls *conf, struct failure *f);

/* Whether the certificate is valid now. Returns 0, or -1 likewise. */
int stone_material_check(const struct tls_material *tls,
    const struct stone_tls *conf, struct failure *f);

#endif
