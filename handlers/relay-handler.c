/*
 * relay-handler(8): serves one connection, the inetd way: xinetd(8) accepts it
 * and hands it over as fd 0. Loads the relay's keys, makes the TLS handshake,
 * and lives as long as the connection.
 */
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/program.h"
#include "config/relay_conf.h"
#include "config/relay_program.h"
#include "connection/handler.h"
#include "connection/handler_sandbox.h"
#include "tls/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "relay-handler"

int
main(int argc, char **argv)
{
	struct handler_task task = {.tell = -1, .is_last = 1};
	struct tls_material material;
	struct relay_program_options o;
	struct relay_conf conf;
	struct failure f;
	int sock;

	/* first of all: under xinetd a message to stderr goes to the client */
	sock = fd_take_inetd_socket();
	if (sock == -1 && fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, fd_stderr_usable() ? LOG_TO_STDERR : LOG_TO_SYSLOG, 0);
	o = relay_program_options(argc, argv, NAME, "c:dtV");
	log_open(
	    NAME, fd_stderr_usable() ? LOG_TO_STDERR : LOG_TO_SYSLOG, o.debug);
	if (harden_process(sock) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (relay_conf_read(&conf, o.conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test)
		relay_program_try_user(&conf);
	if (tls_init() == -1 || tls_server_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (handler_sandbox_make() == -1 || handler_sandbox_load(&conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	if (tls_server_load(&material, &conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test && tls_server_check(&material, &conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test)
		return EX_OK;
	if (sock == -1)
		program_fail(EX_USAGE,
		    "fd 0 is no socket: start it from xinetd (see "
		    "relay-handler(8))");
	if (geteuid() == 0)
		program_fail(EX_NOPERM,
		    "refusing to run as root: set user in the xinetd entry");
	task.sock = sock;
	task.signals = fd_nonblock(sock) == -1 ? -1 : handler_enter();
	if (task.signals == -1)
		return EX_OSERR;
	handler_serve(&task, &conf, &material);
	return EX_OK;
}
