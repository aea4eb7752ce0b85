/*
 * A request for a certificate whose key never leaves this host; relay-ca(1)
 * signs it.
 */
#ifndef WARP_REQUEST_H
#define WARP_REQUEST_H

#include "base/failure.h"

/*
 * Whether a name, without a folder, is good for files, certificates and
 * services. Returns 0, or -1 with a reason in f.
 */
int warp_check_name(const char *name, struct failure *f);

/*
 * Makes a key, NAME.key of mode 0600, and a request signed by it, NAME.csr.
 * name may have a path, and files that are there stay. Returns 0, or -1 with a
 * reason in f, and then neither is left.
 */
int warp_request(const char *name, struct failure *f);

/*
 * The same as a whole run of program, and prints what to do next, such as
 * "program NAME.warp argument"; ends it where that fails. Returns EX_OK.
 */
int warp_request_run(
    const char *name, const char *program, const char *argument);

#endif
