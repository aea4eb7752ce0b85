/*
 * One file for a client, as warp(5) describes it: its key and certificate, the
 * authority of the relays, and where they are.
 */
#ifndef WARP_WARP_H
#define WARP_WARP_H

#include "base/failure.h"
#include "tls/tls.h"
#include "warp/relays.h"

/* Whether a word of a command line names such a file: it ends in .warp. */
int warp_is_name(const char *word);

/*
 * The path of the key that belongs to the file at path where that has none:
 * NAME.key beside NAME.warp. The caller frees it; NULL with errno.
 */
char *warp_key_path(const char *path);

/*
 * Reads the file at path into tls and *relays. What they have already, because
 * something else said so, stays and need not be in the file.
 * A key is looked for in the file, then beside it (warp_key_path). passphrase
 * is the key's; NULL: it has none. Each part is told by what it is: the
 * certificate is that of the key, the authority has signed itself, and what is
 * left are intermediates. Returns 0, or -1 with a reason in f that says what to
 * do; tls_material_free either way.
 */
int warp_read(struct tls_material *tls, struct relays *relays, const char *path,
    const char *passphrase, struct failure *f);

/*
 * Whether the certificate, of the file at path, is valid now. Returns 0, or -1
 * with a reason in f that says what to do.
 */
int warp_check_dates(
    const struct tls_material *tls, const char *path, struct failure *f);

#endif
