/*
 * The secret by which relay-keyd's vouchers are known (ipc/voucher.h). It lies
 * beside the socket, so that what was vouched for holds after a restart, and in
 * /run, so that it ends with the processes that it is about.
 */
#ifndef KEYD_SECRET_H
#define KEYD_SECRET_H

#include "base/failure.h"
#include "ipc/voucher.h"

/*
 * Reads it from the file beside socket, whose name ends in .secret, or makes it
 * there. Returns 0, or -1 with the reason in f.
 */
int secret_load(uint8_t secret[static VOUCHER_SECRET_BYTES], const char *socket,
    struct failure *f);

#endif
