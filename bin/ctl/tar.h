/*
 * An archive in the format of ustar, as POSIX has it: small files, with names
 * that fit. Written here and not by tar(1), so that relayctl, which runs as
 * root, starts no program and leaves no file behind in a folder of others; nor
 * by libarchive, which would bring 40 MB of libraries to a relay.
 */
#ifndef CTL_TAR_H
#define CTL_TAR_H

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define TAR_NAME_MAX 99

/*
 * Writes a file of len bytes to out; nobody but its owner may read it where it
 * is unpacked. Returns 0, or -1 with errno: ENAMETOOLONG.
 */
int tar_add(
    FILE *out, const char *name, const void *data, size_t len, time_t when);

/* Ends the archive. Returns 0, or -1. */
int tar_end(FILE *out);

#endif
