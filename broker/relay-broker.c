/*
 * relay-broker(8): the only long-lived process of the relay. Handlers tell it
 * who waits; it joins the two that carry the same certificate and hands each
 * one end of a socket pair. It never sees payload, and its death ends no
 * session.
 */
#include "base/activation.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "broker.h"
#include "broker_sandbox.h"
#include "config/customers.h"
#include "config/relay_conf.h"
#include "config/relay_program.h"
#include "ipc/ipc_socket.h"
#include "ipc/trust_bundle.h"
#include "parked_store.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "relay-broker"

/* (gid_t)-1: there is none; where it has to be, broker_new says so. */
static gid_t
admin_group(const struct relay_conf *conf)
{
	const struct group *gr = conf->admin_group == NULL
				     ? NULL
				     : getgrnam(conf->admin_group);

	return gr == NULL ? (gid_t)-1 : gr->gr_gid;
}

/* Listens, while it may still be root, and then becomes the relay's user. */
static int
listen_and_drop(
    const struct relay_conf *conf, struct relay_users *users, int *lock)
{
	struct ipc_socket_access access;
	struct failure f;
	int fd;

	relay_program_users(conf, users);
	access = (struct ipc_socket_access){users->uid, users->gid,
	    {relay_users_meet(users), admin_group(conf)}};
	harden_raise_nofile();
	fd = ipc_socket_listen(conf->socket, &access, lock, &f);
	if (fd == -1)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
	program_become(users->uid, users->gid);
	return fd;
}

/* -t: whether its user can read what it will hand to handlers, and customers.
 */
static int
test_files(const struct relay_conf *conf)
{
	struct customers *table;
	struct failure f;
	uint32_t size;
	int trust;

	relay_program_try_user(conf);
	table = customers_read(conf->customers, &f);
	if (table == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	customers_free(table);
	trust = trust_bundle_write(conf, &size, &f);
	if (trust == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	fd_close(&trust);
	return EX_OK;
}

int
main(int argc, char **argv)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
	struct relay_program_options o;
	struct parked_store store;
	struct relay_users users;
	struct broker *broker;
	struct relay_conf conf;
	struct failure f;
	int listener, lock, sigfd, kept;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	o = relay_program_options(argc, argv, NAME, "c:DdtV");
	notify_keep();
	kept = parked_store_find(&store);
	if (harden_process_keeping(
		ACTIVATION_FIRST, ACTIVATION_FIRST - 1 + kept) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (relay_conf_read(&conf, o.conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test)
		return test_files(&conf);

	listener = listen_and_drop(&conf, &users, &lock);
	log_open(NAME, o.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, o.debug);
	if (o.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	sigfd = program_signals(signals);
	if (sigfd == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	broker = broker_new(listener, sigfd, users.handler, o.conf, &f);
	if (broker == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	if (broker_sandbox_enter(&conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));

	log_event(LOG_NOTICE, "start", "version", VERSION, "socket",
	    conf.socket, NULL);
	parked_store_restore(&store, broker);
	notify("READY=1");
	if (broker_run(broker) == -1)
		program_fail(EX_OSERR, "loop: %s", strerror(errno));
	parked_store_save(broker);
	log_event(LOG_NOTICE, "stop", NULL);

	unlink(conf.socket);
	broker_free(broker);
	fd_close(&listener);
	fd_close(&lock);
	fd_close(&sigfd);
	relay_conf_free(&conf);
	return EX_OK;
}
