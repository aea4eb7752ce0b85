/* Stone's language, the forwards: see conf.h. */
#include "stone/conf.h"
#include "stone/conf_reader.h"
#include "stone/request.h"
#include "warp/warp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The relays, or a file that has them; or neither, where -f has named such. */
static int
read_relay(struct conf_reader *r, const struct stone_word *word,
    struct stone_forward *f)
{
	if (warp_is_name(word->text))
		conf_reader_warp(r, &f->tls, word);
	else if (f->tls.warp.text != NULL &&
		 !stone_endpoint_is_relay(word->text))
		return 0;
	else if (stone_endpoint_relays(&f->relays, word->text, r->failure) ==
		     -1 ||
		 stone_backups_apply(
		     &r->conf->backups, &f->relays, r->failure) == -1)
		return conf_reader_blame(r, word->line);
	r->next++;
	return 0;
}

static int
read_listen(struct conf_reader *r, struct stone_forward *f)
{
	const int warp = f->tls.warp.text != NULL;
	const struct stone_word *word = conf_reader_peek(r);

	if (word == NULL || conf_reader_is(word, "--")) {
		if (warp && r->conf->source != STONE_LISTEN)
			return 0;
		return conf_reader_refuse(
		    r, f->line, "it is not said where to listen", "");
	}
	if (stone_endpoint_listen(&f->listen, word->text, r->failure) == -1)
		return conf_reader_blame(r, word->line);
	/* what leads inside is for this host alone unless more is said */
	if (warp && f->listen.path == NULL && *f->listen.addr.host == '\0' &&
	    f->listen.family == AF_INET)
		strcpy(f->listen.addr.host, "localhost");
	r->next++;
	return 0;
}

/*
 * Where nothing is said they are shared, as there is use for it, by requests
 * that an agent may take so.
 */
static int
set_shared(struct conf_reader *r, struct stone_forward *f)
{
	f->sessions = r->conf->sessions;
	if (!r->conf->counted) {
		f->elastic = stone_request_may_share(f->request);
		f->sessions = f->elastic ? 1 : 0;
	} else if (f->sessions > 0 &&
		   stone_request_check_shared(f->request, r->failure) == -1) {
		return failure_prefix(r->failure, "--sessions: ");
	}
	return 0;
}

/* Where -f or a bare file has the rest, the plain one may be left out. */
static int
read_request(struct conf_reader *r, struct stone_forward *f)
{
	const struct stone_word *word = conf_reader_peek(r);
	const int none = word == NULL || conf_reader_is(word, "--");

	if (none && f->tls.warp.text == NULL)
		return conf_reader_refuse(r, f->line,
		    "no request behind the place to listen at, "
		    "such as \"GET / HTTP/1.1\"",
		    "");
	f->request = none ? "GET / HTTP/1.1" : word->text;
	if (none)
		return set_shared(r, f);
	if (stone_request_check(word->text, r->failure) == -1 ||
	    set_shared(r, f) == -1)
		return conf_reader_blame(r, word->line);
	r->next++;
	return 0;
}

/*
 * stone verifies a name by a regular expression alone. One that only says that
 * name asks for what is done anyway. Returns 0, or -1.
 */
static int
check_subject(const struct conf_reader *r, const struct stone_forward *f)
{
	const struct stone_tls *tls = &f->tls;
	const char *regex = tls->subject.text;
	const char *name = tls->servername.text != NULL
			       ? tls->servername.text
			       : f->relays.list[0].host;
	const size_t n = strlen(name);

	if (regex == NULL)
		return 0;
	if (n > 0 && strncmp(regex, "/CN=", 4) == 0 &&
	    strncasecmp(regex + 4, name, n) == 0 &&
	    strcmp(regex + 4 + n, "$") == 0)
		return 0;
	failure(r->failure,
	    "the relay's name, or that of -q servername=, is always verified: "
	    "leave out -q re0=%s",
	    regex);
	return stone_words_locate(
	    r->failure, tls->subject.file, tls->subject.line);
}

static int
is_taken(const struct stone_conf *conf, const struct stone_listen *where)
{
	for (size_t i = 0; i < conf->nforwards; i++)
		if (stone_endpoint_same(&conf->forwards[i].listen, where))
			return 1;
	return 0;
}

/* first is the next word, the relay's place or what stands for it. */
static int
read_forward(struct conf_reader *r, const struct stone_word *first)
{
	struct stone_conf *conf = r->conf;
	struct stone_forward *f = &conf->forwards[conf->nforwards];

	if (conf->nforwards == STONE_FORWARDS_MAX)
		return conf_reader_refuse(
		    r, first->line, "too many forwards", "");
	memset(f, 0, sizeof(*f));
	f->file = r->words->file;
	f->line = first->line;
	f->tls = conf->tls;
	if (read_relay(r, first, f) == -1 || read_listen(r, f) == -1 ||
	    read_request(r, f) == -1)
		return -1;
	if (check_subject(r, f) == -1)
		return -1;
	if (is_taken(conf, &f->listen))
		return conf_reader_refuse(
		    r, f->line, "an earlier forward listens there", "");
	f->allowed = conf_reader_peek(r);
	while (conf_reader_peek(r) != NULL &&
	       !conf_reader_is(conf_reader_peek(r), "--")) {
		f->nallowed++;
		r->next++;
	}
	if (f->tls.warp.text == NULL &&
	    (f->tls.key.text == NULL || f->tls.cert.text == NULL))
		return conf_reader_refuse(r, f->line,
		    f->tls.key.text == NULL ? "no -q key= " : "no -q cert= ",
		    "before this forward");
	if (f->listen.path != NULL && f->nallowed > 0)
		return conf_reader_refuse(r, f->line, "allowed hosts ",
		    "are nothing to a Unix socket");
	conf->nforwards++;
	return 0;
}

int
stone_conf_forwards(struct stone_conf *conf, const struct stone_words *words,
    size_t next, struct failure *f)
{
	struct conf_reader r = {conf, words, next, f};
	const struct stone_word *word;
	int rc;

	while ((word = conf_reader_peek(&r)) != NULL) {
		if (conf_reader_is(word, "--")) {
			r.next++;
			continue;
		}
		rc = conf_reader_option(&r);
		if (rc == -1 || (rc == 0 && read_forward(&r, word) == -1))
			return -1;
	}
	return 0;
}
