/*
 * Fuzzes the agent's side of a multiplexed session: what a hostile stone may
 * send through the relay, up to the targets' sockets. The first byte of the
 * input says how it comes: bit 0: without the client's preface before it, bit
 * 1: what goes back is not taken at once, the rest: in pieces of how many
 * bytes. Two targets answer, end and reset by turns; a third is not there.
 */
#define _GNU_SOURCE
#include "agent/mux_server.h"
#include "base/log.h"
#include "mux/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFACE   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define TURNS_MAX 200

/* The relay: the input, and nothing behind it. */
struct relay {
	struct channel channel; /* the first */
	const uint8_t *at;
	size_t left, piece;
	int blocks, blocked;
};

static struct agent_conf conf;
static int listener, event;
static unsigned accepted;

static ssize_t
read_input(struct channel *ch, void *buf, size_t len)
{
	struct relay *r = (struct relay *)ch;
	size_t n = r->left < r->piece ? r->left : r->piece;

	if (n > len)
		n = len;
	memcpy(buf, r->at, n);
	r->at += n;
	r->left -= n;
	return (ssize_t)n;
}

static ssize_t
write_away(struct channel *ch, const void *buf, size_t len)
{
	struct relay *r = (struct relay *)ch;

	(void)buf;
	r->blocked = r->blocks && !r->blocked;
	if (r->blocked) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)len;
}

static int
finish(struct channel *ch)
{
	(void)ch;
	return 0;
}

/* What the targets do with those that have come. */
static void
serve_targets(void)
{
	static const char text[] = "from the target";
	char waste[4096];
	int sock;

	while ((sock = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		if (accepted % 4 != 0)
			send(sock, text, sizeof(text), MSG_NOSIGNAL);
		if (accepted++ % 3 != 0)
			recv(sock, waste, sizeof(waste), 0);
		close(sock); /* a reset, where something is unread */
	}
}

static void
listen_at(struct target *t, const char *service)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	snprintf(t->path, sizeof(t->path), "/tmp/fuzz_mux.%d", (int)getpid());
	snprintf(t->service, sizeof(t->service), "%s", service);
	if (listener != 0)
		return;
	memcpy(sun.sun_path, t->path, sizeof(t->path));
	unlink(t->path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(listener, 128) == -1)
		abort();
}

static void
clean_up(void)
{
	unlink(conf.targets[0].path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_EMERG);
	conf.forward = 1;
	conf.ntargets = 3;
	conf.max_streams = 16;
	listen_at(&conf.targets[0], "");
	listen_at(&conf.targets[1], "db");
	snprintf(conf.targets[2].path, sizeof(conf.targets[2].path),
	    "/tmp/fuzz_mux.none");
	snprintf(
	    conf.targets[2].service, sizeof(conf.targets[2].service), "none");
	event = eventfd(0, EFD_NONBLOCK);
	atexit(clean_up);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct channel_ops ops = {
	    .read = read_input, .write = write_away, .finish = finish};
	struct relay relay = {.channel = {.ops = &ops, .fd = event}};
	struct agent_mux *agent;
	enum mux_result result;
	struct mux *m;

	if (size < 1)
		return 0;
	relay.at = data + 1;
	relay.left = size - 1;
	relay.piece = 1 + (size_t)(data[0] >> 2) * 64;
	relay.blocks = (data[0] & 2) != 0;
	accepted = 0;
	agent = agent_mux_new(&conf, &relay.channel, "192.0.2.1");
	if (agent == NULL)
		abort();
	m = agent_mux_session(agent);
	if ((data[0] & 1) == 0)
		mux_feed(m, PREFACE, strlen(PREFACE));
	for (int i = 0; i < TURNS_MAX && mux_turn(m, 0, &result); i++)
		serve_targets();
	agent_mux_free(agent);
	serve_targets();
	return 0;
}
