/* relay-keyd's loop: see keyd.h. */
#define _GNU_SOURCE
#include "keyd/keyd.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/peercred.h"
#include "keyd/proof.h"
#include "tls/prove_request.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS      1000 /* for who has connected to ask */
#define REFUSED_MS  1000 /* between two lines of them */
#define LOAD_MS     200  /* after a look for another key in vain */
#define ACCEPT_TURN 16   /* connections before those that are there */

/* ---- keys ---- */

/*
 * Reads the files again, for the key with this id unless NULL. Returns 0, or -1
 * where all stays as it is.
 */
static int
reload(struct keyd *d, const uint8_t *wanted)
{
	struct witness witness = {.own = NULL};
	struct relay_conf conf;
	struct failure f;
	int rc;

	if (relay_conf_read(&conf, d->conf_path, &f) == -1)
		goto fail;
	if (witness_load(&witness, &conf, &f) == -1 ||
	    (rc = keys_load(&d->keys, &conf, wanted, &f)) == -1) {
		witness_free(&witness);
		relay_conf_free(&conf);
		goto fail;
	}
	witness_free(&d->witness);
	d->witness = witness;
	/* where it listens stays as it is */
	free(conf.keyd);
	conf.keyd = d->conf.keyd;
	d->conf.keyd = NULL;
	relay_conf_free(&d->conf);
	d->conf = conf;
	log_event(
	    LOG_NOTICE, "reloaded", "key", rc == 1 ? "new" : "same", NULL);
	return 0;
fail:
	log_event(LOG_ERR, "reload-failed", "reason", f.text, NULL);
	return -1;
}

/* Who asks for another key may have the certificate that has come with it. */
static void
look_for(struct keyd *d, const uint8_t *wanted)
{
	if (!keys_have(&d->keys, wanted) && deadline_left(d->next_load) == 0 &&
	    reload(d, wanted) == -1)
		d->next_load = deadline_in(LOAD_MS);
}

/* Whether handler_uses was raised since: relay-listen may have read it. */
static int
uses_were_raised(struct keyd *d)
{
	struct relay_conf conf;
	struct failure f;
	int raised;

	if (!deadline_rings(&d->next_look, LOAD_MS) ||
	    relay_conf_read(&conf, d->conf_path, &f) == -1)
		return 0;
	raised = conf.handler_uses > d->conf.handler_uses;
	relay_conf_free(&conf);
	return raised && reload(d, NULL) == 0;
}

/* ---- requests ---- */

static void
log_refusal(struct keyd *d, pid_t pid, const char *reason)
{
	if (deadline_rings(&d->next_refusal, REFUSED_MS))
		log_event(LOG_WARNING, "refused", "pid", LOG_U64(pid), "reason",
		    reason, NULL);
}

static int
has_more(struct keyd *d, const struct asker *who)
{
	return rate_admits(&d->rate, who->pid,
	    RATE_MOST + d->conf.handler_uses - 1, deadline_now());
}

static const char *
sign(struct keyd *d, const struct asker *who, const struct sign_request *r,
    size_t len, struct sign_answer *a)
{
	const char *wrong = sign_request_check(r, len, d->conf.tls_min);

	if (wrong != NULL)
		return wrong;
	if (!has_more(d, who) && !(uses_were_raised(d) && has_more(d, who)))
		return "too many of one process";
	look_for(d, r->key);
	wrong = keys_sign(&d->keys, r, a);
	if (wrong == NULL &&
	    proof_note(&d->made, who->pid,
		deadline_in((int64_t)d->conf.tls_timeout * 1000), r, a) == -1)
		log_event(LOG_ERR, "no-memory", NULL);
	return wrong;
}

static void
send_answer(const struct asker *who, const void *answer, size_t len)
{
	send(who->fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
answer_sign(struct keyd *d, const struct asker *who,
    const struct sign_request *r, size_t len)
{
	struct sign_answer a = {.version = KEYD_VERSION};
	const char *wrong = sign(d, who, r, len, &a);

	if (wrong != NULL) {
		log_refusal(d, who->pid, wrong);
		snprintf(a.reason, sizeof(a.reason), "%s", wrong);
	}
	send_answer(who, &a, sizeof(a));
}

/* relay-peer alone is told of other relays' handshakes; no handler is. */
static const char *
check(struct keyd *d, const struct asker *who, const struct prove_request *r,
    struct transcript_parts *p)
{
	if (r->header.kind == KEYD_PROVE)
		return proof_check(&d->made, who->pid, deadline_now(),
		    r->transcript, r->length, p);
	if (who->uid != d->serves.uid)
		return "what another relay says is for relay-peer alone";
	if (!witness_is_there(&d->witness) &&
	    deadline_rings(&d->next_look, LOAD_MS))
		reload(d, NULL); /* relay-peer may have read of others since */
	return witness_check(
	    &d->witness, &d->keys, time(NULL), r->transcript, r->length, p);
}

static const char *
prove(struct keyd *d, const struct asker *who, const struct prove_request *r,
    size_t len, struct prove_answer *a)
{
	const size_t before = offsetof(struct prove_request, transcript);
	struct transcript_parts p;
	const char *wrong;

	if (r->header.version != KEYD_VERSION)
		return "of another version of the relay";
	if (len < before || r->length > TRANSCRIPT_MAX ||
	    len != before + r->length)
		return "not of a request's size";
	wrong = check(d, who, r, &p);
	if (wrong != NULL)
		return wrong;
	if (voucher_make(a->voucher, d->secret,
		r->header.kind == KEYD_PROVE ? VOUCHER_HERE : VOUCHER_ELSEWHERE,
		p.leaf, p.leaf_len, who->pid) == -1)
		return "out of memory";
	a->proven = 1;
	return NULL;
}

static void
answer_prove(struct keyd *d, const struct asker *who,
    const struct prove_request *r, size_t len)
{
	struct prove_answer a = {.version = KEYD_VERSION};
	const char *wrong = prove(d, who, r, len, &a);

	if (wrong != NULL) {
		log_refusal(d, who->pid, wrong);
		snprintf(a.reason, sizeof(a.reason), "%s", wrong);
	}
	send_answer(who, &a, sizeof(a));
}

/* To the broker, of whose user no handler is. */
static void
answer_secret(struct keyd *d, const struct asker *who)
{
	struct voucher_secret_answer a = {.version = KEYD_VERSION};

	if (who->uid == d->serves.uid) {
		a.known = 1;
		memcpy(a.secret, d->secret, sizeof(a.secret));
	} else
		log_refusal(d, who->pid, "the secret is the broker's alone");
	send_answer(who, &a, sizeof(a));
	OPENSSL_cleanse(&a, sizeof(a));
}

static void
answer(struct keyd *d, const struct asker *who)
{
	static union {
		struct keyd_header header;
		struct sign_request sign;
		struct prove_request prove;
	} r;
	ssize_t n = recv(who->fd, &r, sizeof(r), MSG_DONTWAIT | MSG_TRUNC);

	if (n <= 0)
		return;
	if ((size_t)n < sizeof(r.header))
		r.header.kind = 0;
	switch (r.header.kind) {
	case KEYD_PROVE:
	case KEYD_WITNESS:
		answer_prove(d, who, &r.prove, (size_t)n);
		break;
	case KEYD_SECRET:
		answer_secret(d, who);
		break;
	default: /* it says what is wrong with all others */
		answer_sign(d, who, &r.sign, (size_t)n);
		break;
	}
}

/* ---- connections ---- */

static void
drop(struct keyd *d, size_t i)
{
	fd_close(&d->askers[i].fd);
	d->count--;
	memmove(&d->askers[i], &d->askers[i + 1],
	    (d->count - i) * sizeof(*d->askers));
}

/*
 * Each process has one. Of too many the oldest goes, who has had the most time:
 * if it has asked by now it is answered.
 */
static void
make_room(struct keyd *d, pid_t pid)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->askers[i].pid == pid) {
			drop(d, i);
			return;
		}
	if (d->count == KEYD_ASKING_MAX) {
		answer(d, &d->askers[0]);
		drop(d, 0);
	}
}

static void
admit(struct keyd *d, int fd)
{
	struct rights who;

	if (rights_of_peer(&who, fd, (gid_t)-1) == -1) {
		fd_close(&fd);
		return;
	}
	if (who.uid != d->serves.handler && who.uid != d->serves.uid) {
		if (deadline_rings(&d->next_refusal, REFUSED_MS))
			log_event(LOG_WARNING, "stranger", "uid",
			    LOG_U64(who.uid), "pid", LOG_U64(who.pid), NULL);
		fd_close(&fd);
		return;
	}
	make_room(d, who.pid);
	d->askers[d->count++] = (struct asker){.fd = fd,
	    .pid = who.pid,
	    .uid = who.uid,
	    .until = deadline_in(ASK_MS)};
}

static void
accept_some(struct keyd *d)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(
		    d->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1)
			return;
		admit(d, fd);
	}
}

static void
drop_late(struct keyd *d)
{
	while (d->count > 0 && deadline_left(d->askers[0].until) == 0)
		drop(d, 0);
}

/* ---- the loop ---- */

/*
 * What a token's module would need to find it again, the sandbox forbids: that
 * is for who is started next.
 */
static int
token_is_lost(const struct keyd *d)
{
	const char *why = d->keys.token == NULL ? NULL
						: token_lost(d->keys.token);

	if (why == NULL)
		return 0;
	log_event(LOG_ERR, "token-lost", "reason", why, "do",
	    "put it back, and start relay-keyd again", NULL);
	return 1;
}

/* Returns 0 where it has to end. */
static int
obey_signals(struct keyd *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return 0;
		reload(d, NULL);
	}
	return 1;
}

int
keyd_run(struct keyd *d)
{
	for (;;) {
		struct pollfd pfd[2 + KEYD_ASKING_MAX];
		const size_t n = d->count;

		if (token_is_lost(d))
			return 1;
		pfd[0] = (struct pollfd){.fd = d->signals, .events = POLLIN};
		pfd[1] = (struct pollfd){.fd = d->listener, .events = POLLIN};
		for (size_t i = 0; i < n; i++)
			pfd[2 + i] = (struct pollfd){
			    .fd = d->askers[i].fd, .events = POLLIN};
		if (poll(pfd, 2 + n,
			n > 0 ? deadline_left(d->askers[0].until) : -1) == -1 &&
		    errno != EINTR)
			return -1;
		/* from the last on, since each leaves the list */
		for (size_t i = n; i > 0; i--)
			if (pfd[1 + i].revents != 0) {
				answer(d, &d->askers[i - 1]);
				drop(d, i - 1);
			}
		drop_late(d);
		if (pfd[1].revents != 0)
			accept_some(d);
		if (pfd[0].revents != 0 && !obey_signals(d))
			return 0;
	}
}
