/*
 * When the relay's own files end: its certificate, its authorities, its lists
 * of revoked certificates.
 */
#ifndef CTL_ENDS_H
#define CTL_ENDS_H

#include "base/failure.h"
#include "config/relay_conf.h"

#include <time.h>

/* Unix times of the first to end of each; 0: there is none, or it has no end */
struct ends {
	time_t certificate, ca, crl;
};

/* Reads what conf names. Returns 0, or -1 with the reason in f. */
int ends_read(
    struct ends *ends, const struct relay_conf *conf, struct failure *f);

#endif
