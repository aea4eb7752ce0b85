/* Who is at the other end of crossings: see nodes.h. */
#define _GNU_SOURCE
#include "peer/nodes.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "peer/crossing.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TELL_MS 2000 /* for the parent to make room */

enum told_what { TOLD_DOWN = 1, TOLD_LINK };

/* A packet. Who sends it says the kernel. */
struct told {
	uint32_t what;
	uint32_t place, stone; /* TOLD_DOWN */
	/* TOLD_LINK */
	char name[NODE_NAME_SIZE];
	uint32_t leaf_len, chain_len;
	uint8_t der[MESSAGE_DER_MAX]; /* the leaf, and those above it */
};

struct node_link {
	pid_t pid;
	int doomed;
	UT_hash_handle hh;
	struct told told;
};

int
nodes_open(struct nodes *nodes)
{
	const int yes = 1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, ends) == -1)
		return -1;
	nodes->told = ends[0];
	nodes->tell = ends[1];
	return setsockopt(
	    nodes->told, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
}

/* ---- in a child ---- */

void
nodes_tell_down(const struct nodes *nodes, size_t place, uint32_t stone)
{
	const struct told t = {
	    .what = TOLD_DOWN, .place = (uint32_t)place, .stone = stone};
	const ssize_t n = write(nodes->tell, &t, offsetof(struct told, der));

	(void)n; /* others find out by themselves */
}

/* Adds a certificate to those in t. Returns 0, or -1 with errno. */
static int
add(struct told *t, uint32_t *len, X509 *certificate)
{
	const size_t used = t->leaf_len + t->chain_len;
	uint8_t *at = t->der + used;
	const int n = i2d_X509(certificate, NULL);

	if (n <= 0 || (size_t)n > sizeof(t->der) - used) {
		errno = EMSGSIZE;
		return -1;
	}
	i2d_X509(certificate, &at);
	*len += (uint32_t)n;
	return 0;
}

static int
send_by(int fd, const void *packet, size_t len, int64_t deadline)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};

		if (write(fd, packet, len) == (ssize_t)len)
			return 0;
		if (errno != EAGAIN)
			return -1;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
nodes_tell_link(const struct nodes *nodes, const char *name, const SSL *ssl)
{
	/* as verified: the leaf first; the authority, last, is here */
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	const int n = sk_X509_num(chain);
	static struct told t;

	t = (struct told){.what = TOLD_LINK};
	strncpy(t.name, name, sizeof(t.name) - 1);
	for (int i = 0; i == 0 || i < n - 1; i++)
		if (add(&t, i == 0 ? &t.leaf_len : &t.chain_len,
			sk_X509_value(chain, i)) == -1)
			return -1;
	return send_by(nodes->tell, &t,
	    offsetof(struct told, der) + t.leaf_len + t.chain_len,
	    deadline_in(TELL_MS));
}

/* ---- in the parent ---- */

/* Receives a packet. Returns its length and who sent it, or -1. */
static ssize_t
receive(int fd, struct told *t, pid_t *pid)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = {t, sizeof(*t)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	const ssize_t n = recvmsg(fd, &m, 0);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	struct ucred from = {.pid = 0};

	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&from, CMSG_DATA(c), sizeof(from));
	*pid = from.pid;
	return n > 0 && from.pid > 0 ? n : -1;
}

/* A child is believed of itself: what it could hide is its own end. */
static void
keep(struct nodes *nodes, const struct told *t, size_t len, pid_t pid)
{
	const size_t fixed = offsetof(struct told, der);
	struct node_link *link;

	if (t->leaf_len > sizeof(t->der) ||
	    t->chain_len > sizeof(t->der) - t->leaf_len ||
	    len != fixed + t->leaf_len + t->chain_len)
		return;
	nodes_ended(nodes, pid);
	link = calloc(1, sizeof(*link) - sizeof(link->told) + len);
	if (link != NULL) {
		link->pid = pid;
		memcpy(&link->told, t, len);
		link->told.name[sizeof(link->told.name) - 1] = '\0';
		HASH_ADD(hh, nodes->live, pid, sizeof(pid), link);
		if (link->hh.tbl != NULL)
			return;
	}
	kill(pid, SIGKILL); /* it could not be ended later */
	free(link);
}

void
nodes_hear(struct nodes *nodes, nodes_down *down, void *arg)
{
	static struct told t;
	pid_t pid;
	ssize_t n;

	while ((n = receive(nodes->told, &t, &pid)) > 0)
		if ((size_t)n < offsetof(struct told, der))
			continue;
		else if (t.what == TOLD_DOWN)
			down(arg, t.place, t.stone);
		else if (t.what == TOLD_LINK)
			keep(nodes, &t, (size_t)n, pid);
}

/* Whether the relay is one no longer; why in f. */
static int
is_bad(const struct node_link *link, X509_STORE *store, struct failure *f)
{
	const struct offer o = {.der = link->told.der,
	    .der_len = link->told.leaf_len,
	    .chain_len = link->told.chain_len};
	struct reverify_subject subject;
	enum reverify_verdict verdict;

	failure(f, "its certificate cannot be read");
	if (crossing_subject(&subject, &o) == -1)
		return 1;
	verdict = reverify_by(&subject, store, 0, f);
	reverify_free(&subject);
	ERR_clear_error();
	return verdict == RECHECK_BAD;
}

void
nodes_recheck(const struct nodes *nodes, X509_STORE *store)
{
	struct node_link *link, *tmp;
	struct failure f;

	HASH_ITER(hh, nodes->live, link, tmp)
	{
		if (link->doomed || !is_bad(link, store, &f))
			continue;
		log_event(LOG_WARNING, "node-ended", "node", link->told.name,
		    "pid", LOG_U64(link->pid), "reason", f.text, NULL);
		link->doomed = 1;
		kill(link->pid, SIGKILL);
	}
}

int
nodes_ended(struct nodes *nodes, pid_t pid)
{
	struct node_link *link;
	int doomed;

	HASH_FIND(hh, nodes->live, &pid, sizeof(pid), link);
	if (link == NULL)
		return 0;
	doomed = link->doomed;
	HASH_DELETE(hh, nodes->live, link);
	free(link);
	return doomed;
}

void
nodes_free(struct nodes *nodes)
{
	struct node_link *link, *tmp;

	HASH_ITER(hh, nodes->live, link, tmp)
	{
		/* the analyser loses track of the table's list */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DELETE(hh, nodes->live, link);
		free(link);
	}
	fd_close(&nodes->told);
	fd_close(&nodes->tell);
}
