/* All relays of a cluster: see relays.h. */
#include "ctl/relays.h"
#include "base/fd.h"
#include "base/program.h"
#include "ctl/courier.h"
#include "peer/material.h"
#include "peer/places.h"
#include "tls/pem.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What couriers need. */
struct means {
	struct relay_conf conf;
	struct peer_place places[CONF_PEERS_MAX];
	struct peer_material material;
};

static void
prepare(struct means *m, const char *path)
{
	struct failure f;

	if (relay_conf_read(&m->conf, path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (m->conf.npeers == 0)
		program_fail(EX_CONFIG,
		    "%s: no peer line: --all asks those that it names", path);
	if (m->conf.peer_admin_certificate == NULL)
		program_fail(EX_CONFIG,
		    "%s: no peer_admin_certificate line: make one with "
		    "relay-ca admin",
		    path);
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (peer_places_find(m->places, &m->conf, &f) == -1 ||
	    peer_material_load_admin(&m->material, &m->conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
}

/* The relay here is known by its certificate, as it is to others. */
static void
name_own(struct ctl_relay *own, const struct relay_conf *conf)
{
	STACK_OF(X509) *chain = NULL;
	struct failure f;
	X509 *certificate = pem_certificate(conf->peer_certificate, &chain, &f);

	if (certificate == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	if (peer_material_name(certificate, own->name) == -1)
		program_fail(EX_CONFIG, "%s: has no name of a relay",
		    conf->peer_certificate);
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
}

/* A courier has no other connection than its own. */
static void
begin(struct ctl_relays *relays, const struct means *m, size_t peer)
{
	struct ctl_relay *relay = &relays->list[relays->count];
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		program_fail(EX_OSERR, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == -1)
		program_fail(EX_OSERR, "fork: %s", strerror(errno));
	if (pid == 0) {
		fd_close(&relays->list[0].sock);
		ctl_relays_close(relays);
		close(ends[0]);
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		if (fd_sane_std() == -1)
			_exit(EX_OSERR);
		courier_run(ends[1], &m->material, m->conf.peers[peer].name,
		    &m->places[peer]);
	}
	close(ends[1]);
	relay->sock = ends[0];
	if (fd_nonblock(relay->sock) == -1)
		program_fail(EX_OSERR, "socket: %s", strerror(errno));
	memcpy(relay->name, m->conf.peers[peer].name, sizeof(relay->name));
	relays->count++;
}

void
ctl_relays_open(
    struct ctl_relays *relays, const char *path, int sock, int error)
{
	static struct means m;

	prepare(&m, path);
	relays->count = 1;
	relays->list[0] = (struct ctl_relay){.sock = sock, .error = error};
	name_own(&relays->list[0], &m.conf);
	for (size_t i = 0; i < m.conf.npeers; i++)
		if (strcmp(m.conf.peers[i].name, relays->list[0].name) != 0)
			begin(relays, &m, i);
	peer_material_free(&m.material);
	relay_conf_free(&m.conf);
}

void
ctl_relays_close(struct ctl_relays *relays)
{
	for (size_t i = 1; i < relays->count; i++)
		fd_close(&relays->list[i].sock);
}
