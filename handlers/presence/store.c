/* The store: see store.h. */
#include "presence/store.h"
#include "base/deadline.h"
#include "base/log.h"
#include "presence/reader.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Milliseconds. */
#define CONNECT_MS 500 /* with TLS, each of the two */
#define COMMAND_MS 500
#define RETRY_MS   100 /* the first bound of the back-off, and the last */
#define RETRY_MAX  5000

/* A hostile store costs no more memory than this, and a little. */
#define REPLY_MAX 65536
#define OUT_MAX   (1 << 20)

/* ---- the connection's end ---- */

static void
end(struct store *s)
{
	const enum store_state was = s->state;

	link_close(&s->link);
	s->state = STORE_AWAY;
	redisReaderFree(s->reader);
	s->reader = NULL;
	s->fed = s->out_len = s->out_done = 0;
	while (s->count > 0) {
		const struct store_command *c = &s->pending[s->first];

		s->first = (s->first + 1) % STORE_PENDING_MAX;
		s->count--;
		c->answer(c->owner, c->tag, NULL);
	}
	if (was == STORE_UP)
		s->changed(s->owner);
}

void
store_fail(struct store *s, const char *reason)
{
	if (!s->complained)
		log_event(LOG_ERR, "store-away", "store",
		    s->settings->places[s->place].text, "reason", reason, NULL);
	s->complained = 1;
	end(s);
	s->place = (s->place + 1) % s->settings->conf.nstores;
	s->due = deadline_in(backoff_next(&s->backoff));
}

/* ---- commands ---- */

int
store_has_room(const struct store *s, size_t commands)
{
	return s->state >= STORE_GREETING && s->out_len < OUT_MAX / 2 &&
	       s->count + commands <= STORE_PENDING_MAX;
}

static int
put(struct store *s, const char *command, size_t len)
{
	const size_t need = s->out_len + len;
	char *more;

	if (need > OUT_MAX)
		return -1;
	if (need > s->out_size) {
		more = realloc(s->out, need * 2);
		if (more == NULL)
			return -1;
		s->out = more;
		s->out_size = need * 2;
	}
	memcpy(s->out + s->out_len, command, len);
	s->out_len = need;
	return 0;
}

int
store_send(struct store *s, int argc, const char *const *argv,
    store_answer *answer, void *owner, uintptr_t tag)
{
	const char **words = (const char **)(uintptr_t)argv;
	char *command;
	long long len;
	int rc;

	if (!store_has_room(s, 1))
		return -1;
	len = redisFormatCommandArgv(&command, argc, words, NULL);
	if (len < 0)
		return -1;
	rc = put(s, command, (size_t)len);
	OPENSSL_cleanse(command, (size_t)len); /* it may have a password */
	redisFreeCommand(command);
	if (rc == -1)
		return -1;
	s->pending[(s->first + s->count) % STORE_PENDING_MAX] =
	    (struct store_command){answer, owner, tag, deadline_in(COMMAND_MS)};
	s->count++;
	return 0;
}

static void
flush(struct store *s)
{
	struct failure f;
	ssize_t n;

	while (s->out_done < s->out_len) {
		n = link_write(&s->link, s->out + s->out_done,
		    s->out_len - s->out_done, &f);
		if (n == -1)
			store_fail(s, f.text);
		if (n <= 0)
			return;
		s->out_done += (size_t)n;
	}
	s->out_len = s->out_done = 0;
}

/* Hands out the replies that are whole. Returns 0, or -1: it has failed. */
static int
take_replies(struct store *s)
{
	void *reply;

	for (;;) {
		struct store_command c;

		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK) {
			store_fail(s, "it does not answer as a store does");
			return -1;
		}
		if (reply == NULL)
			break;
		s->fed = s->reader->len - s->reader->pos;
		if (s->count == 0) {
			freeReplyObject(reply);
			store_fail(s, "it answers without a question");
			return -1;
		}
		c = s->pending[s->first];
		s->first = (s->first + 1) % STORE_PENDING_MAX;
		s->count--;
		c.answer(c.owner, c.tag, reply);
		freeReplyObject(reply);
		if (s->state == STORE_AWAY) /* that reply was no good */
			return -1;
	}
	if (s->fed <= REPLY_MAX)
		return 0;
	store_fail(s, "its answer is too long");
	return -1;
}

static void
receive(struct store *s)
{
	char buf[16384];
	struct failure f;
	ssize_t n;

	while ((n = link_read(&s->link, buf, sizeof(buf), &f)) > 0) {
		s->fed += (size_t)n;
		if (redisReaderFeed(s->reader, buf, (size_t)n) != REDIS_OK) {
			store_fail(s, "out of memory");
			return;
		}
		if (take_replies(s) == -1)
			return;
	}
	if (n == -1)
		store_fail(s, f.text);
}

/* ---- the greeting ---- */

static int
is_text(const redisReply *r, const char *text)
{
	return (r->type == REDIS_REPLY_STRING ||
		   r->type == REDIS_REPLY_STATUS) &&
	       strcmp(r->str, text) == 0;
}

static void
on_auth(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct store *s = owner;

	(void)tag;
	if (reply != NULL && !is_text(reply, "OK"))
		store_fail(s, "it does not take the password");
}

/* Only to a master can be written. */
static void
on_role(void *owner, uintptr_t tag, const redisReply *reply)
{
	struct store *s = owner;

	(void)tag;
	if (reply == NULL)
		return;
	if (reply->type == REDIS_REPLY_ERROR)
		store_fail(s, reply->str);
	else if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
		 !is_text(reply->element[0], "master"))
		store_fail(s, "it is no master");
	else
		s->greet(s->owner);
}

static void
say_hello(struct store *s)
{
	const struct settings *set = s->settings;
	const char *user = set->conf.presence_user;
	const char *auth[] = {
	    "AUTH", user != NULL ? user : set->password, set->password};
	const char *role[] = {"ROLE"};

	s->state = STORE_GREETING;
	s->due = DEADLINE_NONE;
	s->reader = reader_new();
	if (s->reader == NULL ||
	    (set->password[0] != '\0' && store_send(s, user != NULL ? 3 : 2,
					     auth, on_auth, s, 0) == -1) ||
	    store_send(s, 1, role, on_role, s, 0) == -1)
		store_fail(s, "out of memory");
}

/* ---- connecting ---- */

static void
dial(struct store *s)
{
	struct failure f;

	s->due = deadline_in(CONNECT_MS);
	s->state = STORE_CONNECTING;
	if (link_dial(&s->link, &s->settings->places[s->place], &f) == -1)
		store_fail(s, f.text);
}

static void
shake_hands(struct store *s)
{
	const struct settings *set = s->settings;
	struct failure f;
	int rc = link_shake_hands(
	    &s->link, &set->tls, set->conf.stores[s->place].addr.host, &f);

	if (rc == -1)
		store_fail(s, f.text);
	else if (rc == 1)
		say_hello(s);
}

static void
connected(struct store *s)
{
	const struct settings_place *place = &s->settings->places[s->place];
	struct failure f;

	if (link_connected(&s->link, &f) == -1) {
		store_fail(s, f.text);
		return;
	}
	if (s->settings->tls.ctx == NULL || place->is_local) {
		say_hello(s);
		return;
	}
	s->due = deadline_in(CONNECT_MS);
	s->state = STORE_HANDSHAKE;
	shake_hands(s);
}

/* ---- for the loop ---- */

short
store_events(const struct store *s)
{
	if (s->state < STORE_GREETING)
		return s->link.want;
	return (short)(s->out_len > s->out_done ? POLLIN | POLLOUT : POLLIN);
}

int64_t
store_due(const struct store *s)
{
	return s->count == 0
		   ? s->due
		   : deadline_first(s->due, s->pending[s->first].deadline);
}

void
store_turn(struct store *s, short revents)
{
	if (s->state == STORE_CONNECTING && revents != 0)
		connected(s);
	else if (s->state == STORE_HANDSHAKE && revents != 0)
		shake_hands(s);
	else if (s->state >= STORE_GREETING && revents != 0)
		receive(s);
	if (s->state == STORE_AWAY && deadline_left(s->due) == 0)
		dial(s);
	else if (deadline_left(store_due(s)) == 0)
		store_fail(s, "it does not answer in time");
	if (s->state >= STORE_GREETING)
		flush(s);
}

void
store_confirm(struct store *s)
{
	s->state = STORE_UP;
	s->complained = 0;
	backoff_reset(&s->backoff);
	log_event(LOG_NOTICE, "store-up", "store",
	    s->settings->places[s->place].text, NULL);
	s->changed(s->owner);
}

void
store_init(struct store *s, const struct settings *settings)
{
	s->settings = settings;
	s->link.fd = -1;
	s->due = deadline_now();
	backoff_init(&s->backoff, RETRY_MS, RETRY_MAX);
}

void
store_restart(struct store *s, const struct settings *settings)
{
	end(s);
	s->settings = settings;
	s->place = 0;
	s->complained = 0;
	s->due = deadline_now();
	backoff_reset(&s->backoff);
}

void
store_free(struct store *s)
{
	end(s);
	free(s->out);
	s->out = NULL;
}
