/*
 * relay-keyd(8): has the relay's private key, and signs handshakes with it for
 * relay-listen's handlers and relay-handler, which then have none. It does
 * nothing else, as a user of its own.
 */
#define _GNU_SOURCE
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/program.h"
#include "config/relay_program.h"
#include "ipc/ipc_socket.h"
#include "keyd/keyd.h"
#include "keyd/keyd_sandbox.h"
#include "keyd/secret.h"
#include "tls/tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NAME "relay-keyd"

#define LOCKED_BYTES 65536 /* a key of RSA with 8192 bits takes 6 KiB */
#define LOCKED_PIECE 32    /* the smallest */

/* As its user, or as root, who becomes that. */
static void
listen_and_drop(struct keyd *d, int *lock, int test)
{
	struct ipc_socket_access access;
	struct failure f;
	uid_t uid;
	gid_t gid;

	relay_program_keyd_user(&d->conf, &uid, &gid, &d->serves);
	access = (struct ipc_socket_access){uid, gid,
	    {d->serves.uid == uid ? (gid_t)-1 : d->serves.gid, (gid_t)-1}};
	if (!test) {
		d->listener = ipc_socket_listen(
		    d->conf.keyd, &access, lock, &f);
		if (d->listener == -1)
			program_fail(EX_UNAVAILABLE, "%s", f.text);
	}
	program_become(uid, gid);
}

/*
 * Where OpenSSL keeps the numbers of private keys: in memory that goes to no
 * swap, between pages that nobody may touch, and that is wiped when freed.
 */
static void
lock_memory(void)
{
	if (CRYPTO_secure_malloc_init(LOCKED_BYTES, LOCKED_PIECE) != 1)
		log_event(LOG_WARNING, "not-locked", "do",
		    "raise its limit of locked memory", NULL);
}

static void
load_keys(struct keyd *d)
{
	struct failure f;

	/* a supervisor goes on trying where a token is out, and only then */
	if (keys_load(&d->keys, &d->conf, NULL, &f) == -1)
		program_fail(
		    errno == ENODEV ? EX_UNAVAILABLE : EX_CONFIG, "%s", f.text);
	witness_free(&d->witness);
	if (witness_load(&d->witness, &d->conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
}

int
main(int argc, char **argv)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
	static struct keyd d; /* of which most is zero */
	struct relay_program_options o;
	struct failure f;
	int lock = -1, rc;

	d.listener = -1;
	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	o = relay_program_options(argc, argv, NAME, "c:DdtV");
	if (harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	d.conf_path = o.conf;
	if (relay_conf_read(&d.conf, d.conf_path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (d.conf.keyd == NULL)
		program_fail(EX_CONFIG, "%s: no keyd line", d.conf_path);
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	listen_and_drop(&d, &lock, o.test);
	/* read as the user, as it will be at a reload */
	load_keys(&d);
	if (o.test)
		return EX_OK;

	log_open(NAME, o.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, o.debug);
	/* a daemon is a copy, with no locked memory, and to a token a stranger:
	 * once more, there */
	keys_free(&d.keys);
	if (o.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	lock_memory();
	load_keys(&d);
	if (secret_load(d.secret, d.conf.keyd, &f) == -1)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
	d.signals = program_signals(signals);
	if (d.signals == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	if (keyd_sandbox_enter(&d.conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	d.keys.is_closed = 1;
	log_event(LOG_NOTICE, "start", "version", VERSION, "socket",
	    d.conf.keyd, NULL);
	rc = keyd_run(&d);
	if (rc == -1)
		program_fail(EX_OSERR, "loop: %s", strerror(errno));
	keys_free(&d.keys);
	witness_free(&d.witness);
	OPENSSL_cleanse(d.secret, sizeof(d.secret));
	log_event(LOG_NOTICE, "stop", NULL);

	unlink(d.conf.keyd);
	fd_close(&d.listener);
	fd_close(&lock);
	fd_close(&d.signals);
	relay_conf_free(&d.conf);
	return rc == 0 ? EX_OK : EX_UNAVAILABLE;
}
