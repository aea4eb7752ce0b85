/*
 * "sealing FOLDER CASE": a stone and an agent seal a session with cert.pem and
 * private.pem of FOLDER, over a pair of sockets, and say how that went. CASE is
 * what is otherwise with one of them:
 *
 *	plain            nothing
 *	keys             the stone's key has almost served long enough
 *	retry            the stone's first hello has no key that the agent takes
 *	expired, early   the certificate of both is not of today
 *	no-alpn, other-alpn, tls12, no-certificate    what the stone shows
 *	agent-no-alpn, agent-tls12                    what the agent does
 */
#include "base/deadline.h"
#include "channel/channel_sealed.h"
#include "need.h"
#include "tls/pem.h"
#include "tls/seal.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD  16384
#define RECORDS 8
#define DAY     86400L

static struct tls_material material;
static const char *what;
static int updates; /* KeyUpdates that came */
static int hellos;  /* of the stone's, that went */

static int
is(const char *name)
{
	return strcmp(what, name) == 0;
}

static void
load(const char *folder)
{
	struct failure f;
	char path[512];

	snprintf(path, sizeof(path), "%s/cert.pem", folder);
	material.certificate = pem_certificate(path, &material.chain, &f);
	need(material.certificate != NULL, path);
	snprintf(path, sizeof(path), "%s/private.pem", folder);
	material.key = pem_key(path, &f);
	need(material.key != NULL, path);
}

static void
set_dates(long from, long until)
{
	X509 *c = material.certificate;

	X509_gmtime_adj(X509_getm_notBefore(c), from);
	X509_gmtime_adj(X509_getm_notAfter(c), until);
	need(X509_sign(c, material.key, EVP_sha256()) > 0, "sign");
}

/* What this end does otherwise. */
static void
spoil(SSL *ssl, enum seal_side side)
{
	static const unsigned char other[] = "\x02h2";

	if (side == SEAL_STONE && is("no-alpn"))
		SSL_set_alpn_protos(ssl, NULL, 0);
	else if (side == SEAL_STONE && is("retry"))
		need(SSL_set1_groups_list(ssl, "P-521:X25519") == 1, "groups");
	else if (side == SEAL_STONE && is("other-alpn"))
		SSL_set_alpn_protos(ssl, other, sizeof(other) - 1);
	else if (side == SEAL_STONE && is("no-certificate"))
		SSL_certs_clear(ssl);
	else if (side == SEAL_AGENT && is("agent-no-alpn"))
		SSL_CTX_set_alpn_select_cb(SSL_get_SSL_CTX(ssl), NULL, NULL);
	else if (is(side == SEAL_STONE ? "tls12" : "agent-tls12")) {
		SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
		SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
	}
}

static void
see(int write_p, int version, int type, const void *buf, size_t len, SSL *ssl,
    void *arg)
{
	const unsigned char *message = buf;

	(void)version;
	(void)ssl;
	(void)arg;
	hellos += write_p && type == SSL3_RT_HANDSHAKE && len > 0 &&
		  message[0] == SSL3_MT_CLIENT_HELLO;
	updates += !write_p && type == SSL3_RT_HANDSHAKE && len >= 5 &&
		   message[0] == SSL3_MT_KEY_UPDATE && message[4] == 0;
}

static void
write_much(struct channel_sealed *s)
{
	static char buf[RECORD];

	if (is("keys"))
		s->records = CHANNEL_TLS_KEY_RECORDS - RECORDS / 2;
	for (int i = 0; i < RECORDS; i++)
		need(channel_write_all(&s->channel, buf, sizeof(buf),
			 deadline_in(10000)) == 0,
		    "write");
	need(channel_finish(&s->channel) == 0, "finish");
}

static void
read_much(struct channel_sealed *s)
{
	char buf[RECORD];
	ssize_t n;

	updates = 0;
	while ((n = channel_read_by(
		    &s->channel, buf, sizeof(buf), deadline_in(10000))) > 0)
		;
	printf("agent: %llu bytes, %d new keys, %s\n",
	    (unsigned long long)s->channel.arrived, updates,
	    n == 0 ? "end" : strerror(errno));
}

static void
run(enum seal_side side, int fd)
{
	const char *name = side == SEAL_STONE ? "stone" : "agent";
	struct channel_sealed s;
	struct channel outer;
	struct seal seal = {0};
	struct failure f;
	SSL *ssl;

	need(seal_init(&seal, side, &material, NULL, &f) == 0, f.text);
	ssl = seal_start(&seal, fd);
	need(ssl != NULL, "start");
	spoil(ssl, side);
	SSL_set_msg_callback(ssl, see);
	channel_tcp(&outer, fd);
	need(channel_sealed(&s, &outer, ssl) == 0, "channel");
	f.text[0] = '\0';
	if (channel_sealed_handshake(&s, 0, deadline_in(10000)) == -1)
		seal_failure(ssl, errno, &f);
	else
		seal_check(ssl, &f);
	printf("%s: %s\n", name, f.text[0] == '\0' ? "sealed" : f.text);
	if (is("retry") && side == SEAL_STONE)
		printf("stone: %d hellos\n", hellos);
	if (f.text[0] == '\0' && side == SEAL_STONE && !is("no-certificate"))
		write_much(&s);
	else if (f.text[0] == '\0')
		read_much(&s);
	channel_close(&s.channel);
	seal_free(&seal);
}

int
main(int argc, char **argv)
{
	int pair[2];
	pid_t pid;

	need(argc == 3 && tls_init() == 0, "start");
	signal(SIGPIPE, SIG_IGN);
	what = argv[2];
	load(argv[1]);
	if (is("expired"))
		set_dates(-2 * DAY, -DAY);
	else if (is("early"))
		set_dates(DAY, 2 * DAY);
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0,
	    "socketpair");
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		run(SEAL_AGENT, pair[1]);
		exit(0);
	}
	close(pair[1]);
	run(SEAL_STONE, pair[0]);
	waitpid(pid, NULL, 0);
	tls_material_free(&material);
	return 0;
}
