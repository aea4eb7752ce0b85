/*
 * Forwards, ready for use: what the configuration names is read and looked up;
 * forward_listeners.h opens them.
 */
#ifndef STONE_FORWARD_H
#define STONE_FORWARD_H

#include "base/failure.h"
#include "dial/proxy_environment.h"
#include "stone/access.h"
#include "stone/conf.h"
#include "tls/expiry.h"
#include "tls/seal.h"
#include "tls/tls.h"
#include "warp/watched.h"

struct forward {
	const struct stone_forward *conf;
	const struct netaddr *relay; /* of conf's: the one that is asked */
	struct failure last;         /* why a relay was of no use, last */
	struct tls_material tls;
	struct seal seal;
	struct access_list access;
	struct expiry expiry;
	int listener;                /* -1: none is open */
	struct stone_status *status; /* what its sessions tell; NULL: none */
};

/* All of them, and the configuration that they come from. */
struct forwards {
	struct stone_words command_line, file;
	struct stone_conf conf;
	struct proxy proxy;
	struct watched watched;                  /* keys and certificates */
	struct forward list[STONE_FORWARDS_MAX]; /* conf.nforwards of them */
};

/*
 * Reads the command line and the file that it names into a new set; keys and
 * certificates are read and allowed hosts looked up, but nothing is opened.
 * Paths are relative to this process's folder or, where nothing is there, to
 * that of the file. argv must outlive the result. Returns NULL with a reason in
 * f and, in *part, which part it is about (check/check.h); where conf.help,
 * conf.version or conf.wanted is set, nothing else counts.
 */
struct forwards *forwards_read(int argc, char **argv,
    const struct proxy_environment *env, const char **part, struct failure *f);

/* Closes and frees all; NULL is fine. */
void forwards_free(struct forwards *set);

#endif
