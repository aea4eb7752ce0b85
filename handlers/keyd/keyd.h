/*
 * relay-keyd's loop: one request a connection, answered and closed.
 */
#ifndef KEYD_KEYD_H
#define KEYD_KEYD_H

#include "config/relay_conf.h"
#include "config/relay_program.h"
#include "ipc/voucher.h"
#include "keyd/keys.h"
#include "keyd/rate.h"
#include "keyd/signed.h"
#include "keyd/witness.h"

#include <sys/types.h>

#define KEYD_ASKING_MAX 64 /* connections that have not asked yet */

/* Who has connected and not asked yet. */
struct asker {
	int fd;
	pid_t pid;
	uid_t uid;
	int64_t until; /* base/deadline.h */
};

struct keyd {
	const char *conf_path; /* read again with the keys; absolute under -D */
	struct relay_conf conf;
	struct keys keys;
	struct witness witness;
	int listener;              /* ipc/ipc_socket.h */
	int signals;               /* signalfd: TERM, INT, HUP */
	struct relay_users serves; /* whom alone it answers */
	struct rate rate;
	struct signed_memory made; /* signatures */
	uint8_t secret[VOUCHER_SECRET_BYTES];
	struct asker askers[KEYD_ASKING_MAX]; /* the oldest first */
	size_t count;
	int64_t next_refusal; /* when to log one again */
	int64_t next_load;    /* when to look for another key again */
	int64_t next_look;    /* when to, for what relay.conf may have now */
};

/*
 * Serves until SIGTERM or SIGINT. SIGHUP, and a request for a key that it has
 * not, make it read certificate and key again; where that fails the old ones
 * stay. Returns 0, 1 where its token is lost, or -1 with errno.
 */
int keyd_run(struct keyd *d);

#endif
