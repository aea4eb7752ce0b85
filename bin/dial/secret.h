/*
 * Secrets that lie in a file of their own: a passphrase, a password.
 */
#ifndef DIAL_SECRET_H
#define DIAL_SECRET_H

#include "base/failure.h"

#include <stddef.h>

#define SECRET_MAX 512 /* bytes of a secret and its NUL */

/*
 * Reads the first line of the file at path, without its end. A file that its
 * group or others may access is refused. Returns 0, or -1 with a reason in f.
 * The caller wipes secret (OPENSSL_cleanse).
 */
int secret_read(
    const char *path, char secret[static SECRET_MAX], struct failure *f);

#endif
