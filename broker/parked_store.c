/* Who outlives a restart of the broker: see parked_store.h. */
#define _GNU_SOURCE
#include "parked_store.h"
#include "base/activation.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/notify.h"
#include "ipc/fdpass.h"
#include "pairing_park.h"
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORED           2 /* descriptors */
#define KEEP             "FDSTORE=1\nFDNAME=parked\nFDPOLL=0"
#define FORGET           "FDSTOREREMOVE=1\nFDNAME=parked"
#define VERSION_OF_TABLE 1

/* What the table begins with. A broker of another build may read it. */
struct header {
	uint32_t version;
	uint32_t size; /* bytes of a record */
	uint8_t authorities_sha256[32];
};

/* One parked poll, as struct conn and struct parked have it. */
struct record {
	struct certificate certificate;
	struct message_parked parked;
	struct message_link about;
	uint64_t agent;
	uint64_t since;
	uint32_t id;
	uint32_t cut;
	char peer[NETADDR_TEXT_MAX];
};

/* ---- to save ---- */

/* What is about to be stored, and a batch of it that is not there yet. */
struct saving {
	int table;
	int connections;
	struct record records[FDPASS_MAX];
	int fds[FDPASS_MAX];
	size_t batch;
	size_t count; /* stored */
};

static int
flush(struct saving *s)
{
	const size_t size = s->batch * sizeof(*s->records);

	if (s->batch > 0 &&
	    (fdpass_send(s->connections, "", 1, s->fds, s->batch) == -1 ||
		write(s->table, s->records, size) != (ssize_t)size))
		return -1;
	s->count += s->batch;
	s->batch = 0;
	return 0;
}

static void
describe(struct record *r, const struct conn *c)
{
	const struct parked *p = c->parked;

	memset(r, 0, sizeof(*r));
	r->certificate = *c->certificate;
	r->parked.not_after = p->not_after;
	memcpy(r->parked.chain, p->chain, sizeof(r->parked.chain));
	r->about = c->about;
	r->agent = c->waiter.agent;
	r->since = c->since;
	r->id = c->id;
	r->cut = p->cut;
	memcpy(r->peer, c->peer, sizeof(r->peer));
}

/* Those of one list, the first of them first. Returns 0, or -1 with errno. */
static int
save_list(struct saving *s, const struct parked_list *list)
{
	const struct parked *p;

	for (p = TAILQ_FIRST(list); p != NULL; p = TAILQ_NEXT(p, link)) {
		describe(&s->records[s->batch], p->conn);
		s->fds[s->batch] = p->conn->fd;
		if (++s->batch == FDPASS_MAX && flush(s) == -1)
			return -1;
	}
	return 0;
}

static int
save_all(struct saving *s, const struct parking *parking)
{
	struct header h = {
	    .version = VERSION_OF_TABLE, .size = sizeof(struct record)};

	memcpy(h.authorities_sha256, parking->authorities_sha256,
	    sizeof(h.authorities_sha256));
	if (write(s->table, &h, sizeof(h)) != sizeof(h) ||
	    save_list(s, &parking->quiet) == -1 ||
	    save_list(s, &parking->cut) == -1)
		return -1;
	return flush(s);
}

/* Gives manager, a socket, all that is stored once both have what they need. */
static void
save_to(int manager, struct saving *s, const struct broker *b)
{
	int pair[2], rc;

	s->table = memfd_create("parked", MFD_CLOEXEC);
	if (s->table == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) == -1) {
		log_event(LOG_ERR, "not-kept", "error", strerror(errno), NULL);
		fd_close(&s->table);
		return;
	}
	s->connections = pair[0];
	rc = save_all(s, &b->parking);
	if (s->count > 0 &&
	    fdpass_send(manager, KEEP, sizeof(KEEP) - 1,
		(const int[STORED]){s->table, pair[1]}, STORED) == -1)
		rc = -1;
	if (rc == -1)
		log_event(LOG_WARNING, "not-kept", "parked",
		    LOG_U64(b->parking.count), "kept", LOG_U64(s->count),
		    "error", strerror(errno), NULL);
	else
		log_event(
		    LOG_NOTICE, "kept", "parked", LOG_U64(s->count), NULL);
	fd_close(&s->table);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

void
parked_store_save(struct broker *b)
{
	static struct saving s;
	int manager;

	if (b->draining || b->parking.count == 0)
		return;
	manager = notify_connect();
	if (manager != -1)
		save_to(manager, &s, b);
	fd_close(&manager);
}

/* ---- to restore ---- */

int
parked_store_find(struct parked_store *s)
{
	struct stat st;

	s->table = s->connections = -1;
	if (activation_count() != STORED)
		return 0;
	for (int fd = ACTIVATION_FIRST; fd < ACTIVATION_FIRST + STORED; fd++)
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			s->connections = fd;
		else
			s->table = fd;
	return STORED;
}

/* r has been with others: nothing in it is trusted to be within its bounds. */
static struct conn *
remember(struct broker *b, const struct record *r)
{
	struct conn *c = r->certificate.forms <= CERTIFICATE_FORMS
			     ? calloc(1, sizeof(*c))
			     : NULL;

	if (c == NULL)
		return NULL;
	c->certificate = certificate_set_add(b->certificates, &r->certificate);
	if (c->certificate == NULL) {
		free(c);
		return NULL;
	}
	c->about = r->about;
	c->about.version[sizeof(c->about.version) - 1] = '\0';
	c->since = r->since;
	c->id = r->id;
	memcpy(c->peer, r->peer, sizeof(c->peer) - 1);
	c->waiter.role = ROLE_AGENT;
	c->waiter.agent = r->agent;
	return c;
}

/* Takes fd. Returns whether its agent is parked again. */
static int
restore_one(struct broker *b, const struct record *r, int fd, int same)
{
	const struct customer_entry *entry;
	struct conn *c = remember(b, r);
	struct customer_key key;

	if (c == NULL) {
		fd_close(&fd);
		return 0;
	}
	c->fd = fd;
	conn_add(b, c);
	entry = customers_find(b->customers, c->certificate);
	customers_key(&key, entry, &c->certificate->identity);
	c->account = accounts_get(b->accounts, entry->name);
	if (c->account == NULL ||
	    pairing_park_restore(b->pairing, &c->waiter, &key) == -1 ||
	    parking_keep(b, c, &r->parked) == -1) {
		conn_drop(b, c);
		return 0;
	}
	conn_count(c);
	c->parked->cut = r->cut < PARKED_SIGN_SIZE ? (uint16_t)r->cut : 0;
	if (!same)
		c->parked->authorities--;
	evict_review(b, c);
	if (!c->dropped && !parking_recheck(b, c))
		parking_end(b, c, "revoked");
	return !c->dropped;
}

/* Those of one packet. Returns how many came, -1 at the end; adds to *back. */
static int
restore_batch(
    struct broker *b, const struct parked_store *s, int same, uint64_t *back)
{
	static struct record records[FDPASS_MAX];
	int fds[FDPASS_MAX];
	size_t came;
	char byte;

	if (fdpass_receive(s->connections, &byte, 1, fds, FDPASS_MAX, &came) !=
	    1)
		return -1;
	if (read(s->table, records, came * sizeof(*records)) !=
	    (ssize_t)(came * sizeof(*records))) {
		for (size_t i = 0; i < came; i++)
			fd_close(&fds[i]);
		return (int)came;
	}
	for (size_t i = 0; i < came; i++)
		*back += (uint64_t)restore_one(b, &records[i], fds[i], same);
	return (int)came;
}

/* Returns whether a broker of such a build as this wrote the table. */
static int
read_header(const struct parked_store *s, struct header *h)
{
	return lseek(s->table, 0, SEEK_SET) == 0 &&
	       read(s->table, h, sizeof(*h)) == sizeof(*h) &&
	       h->version == VERSION_OF_TABLE &&
	       h->size == sizeof(struct record);
}

void
parked_store_restore(struct parked_store *s, struct broker *b)
{
	uint64_t count = 0, back = 0;
	struct header h;
	int n, same;

	if (s->table != -1 && s->connections != -1 && read_header(s, &h)) {
		same = memcmp(h.authorities_sha256,
			   b->parking.authorities_sha256,
			   sizeof(h.authorities_sha256)) == 0;
		while ((n = restore_batch(b, s, same, &back)) > 0)
			count += (uint64_t)n;
		parking_await_spawner(b);
		log_event(LOG_NOTICE, "back", "parked", LOG_U64(back), "ended",
		    LOG_U64(count - back), NULL);
	}
	if (s->table != -1 || s->connections != -1)
		notify(FORGET);
	fd_close(&s->table);
	fd_close(&s->connections);
}
