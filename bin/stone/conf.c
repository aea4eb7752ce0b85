/* Stone's language: see conf.h. */
#include "stone/conf.h"
#include "base/number.h"
#include "stone/request.h"
#include "warp/warp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where we are in the words. */
struct reader {
	struct stone_conf *conf;
	const struct stone_words *words;
	size_t next;
	struct failure *failure;
};

/* The line of a failure that is noted already. */
static int
blame(const struct reader *r, unsigned line)
{
	return stone_words_locate(r->failure, r->words->file, line);
}

static int
refuse(
    const struct reader *r, unsigned line, const char *what, const char *about)
{
	failure(r->failure, "%s%s", what, about);
	return blame(r, line);
}

static const struct stone_word *
peek(const struct reader *r)
{
	return r->next < r->words->count ? &r->words->list[r->next] : NULL;
}

static int
is(const struct stone_word *word, const char *text)
{
	return word != NULL && strcmp(word->text, text) == 0;
}

/* ---- options ---- */

/* The word behind -q */
static int
set_tls(struct reader *r, const struct stone_word *word)
{
	struct stone_tls *tls = &r->conf->tls;
	const struct {
		const char *name;
		struct stone_value *value, *value2;
	} fields[] = {
	    {"key=", &tls->key, NULL},
	    {"cert=", &tls->cert, NULL},
	    {"certkey=", &tls->cert, &tls->key},
	    {"CAfile=", &tls->cafile, NULL},
	    {"CApath=", &tls->capath, NULL},
	    {"passfile=", &tls->passfile, NULL},
	    {"servername=", &tls->servername, NULL},
	    {"re0=", &tls->subject, NULL},
	    {"seal=", &tls->seal, NULL},
	    {"peers=", &tls->peers, NULL},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t n = strlen(fields[i].name);

		if (strncmp(word->text, fields[i].name, n) != 0)
			continue;
		if (word->text[n] == '\0')
			return refuse(
			    r, word->line, "no value behind -q ", word->text);
		*fields[i].value = (struct stone_value){
		    word->text + n, r->words->file, word->line};
		if (fields[i].value2 != NULL)
			*fields[i].value2 = *fields[i].value;
		return 0;
	}
	if (is(word, "default")) {
		memset(tls, 0, sizeof(*tls));
		return 0;
	}
	/* it does both, always */
	if (is(word, "sni") || is(word, "verify"))
		return 0;
	if (is(word, "verify,none"))
		return refuse(r, word->line, "-q verify,none: ",
		    "the relay's certificate is always verified");
	return refuse(r, word->line, "not served: -q ", word->text);
}

static int
set_proxy(struct reader *r, const struct stone_word *word)
{
	struct stone_conf *conf = r->conf;

	if (conf->proxy != NULL)
		return refuse(r, word->line, "-x is given twice", "");
	conf->proxy = word->text;
	conf->proxy_file = r->words->file;
	conf->proxy_line = word->line;
	return 0;
}

static void
set_warp(struct reader *r, struct stone_tls *tls, const struct stone_word *word)
{
	tls->warp = (struct stone_value){
	    word->text, r->words->file, word->line};
}

static int
set_value(struct reader *r, char letter, const struct stone_word *word)
{
	if (letter == 'f') {
		set_warp(r, &r->conf->tls, word);
		return 0;
	}
	if (letter == 'q')
		return set_tls(r, word);
	if (letter == 'x')
		return set_proxy(r, word);
	if (letter == 'P') /* nothing: this has stone start none */
		return *word->text == '\0' ? 0
					   : refuse(r, word->line,
						 "there is no preprocessor: "
						 "leave out -P ",
						 word->text);
	if (r->conf->file != NULL)
		return refuse(r, word->line, "-C is given twice", "");
	r->conf->file = word->text;
	return 0;
}

/* Whether the letter is a flag. Some are for the command line alone. */
static int
set_flag(struct reader *r, char letter)
{
	struct stone_conf *conf = r->conf;
	const int here = r->words->file == NULL;

	switch (letter) {
	case 'D':
		conf->daemon = 1;
		return 1;
	case 'd':
		conf->debug = 1;
		return 1;
	case 'l':
		conf->syslog = 1;
		return 1;
	case 'n': /* addresses as numbers: it is so anyway */
	case 'r': /* SO_REUSEADDR: likewise */
		return 1;
	case 'N':
		conf->test = 1;
		return 1;
	case 't':
		conf->test |= here;
		return here;
	case 'V':
		conf->version |= here;
		return here;
	case 'h':
		conf->help |= here;
		return here;
	}
	return 0;
}

/* "-q", or several letters in one word; values are words of their own. */
static int
read_letters(struct reader *r, const struct stone_word *word)
{
	for (const char *p = word->text + 1; *p != '\0'; p++) {
		const char name[] = {'-', *p, '\0'};

		if (set_flag(r, *p))
			continue;
		if (strchr("fqxP", *p) == NULL &&
		    (*p != 'C' || r->words->file != NULL))
			return refuse(r, word->line, "not served: ", name);
		if (peek(r) == NULL)
			return refuse(r, word->line, "no value behind ", name);
		if (set_value(r, *p, &r->words->list[r->next++]) == -1)
			return -1;
	}
	return 0;
}

/* The word behind --sessions */
static int
set_sessions(struct reader *r, unsigned line)
{
	const struct stone_word *word = peek(r);
	int64_t n;

	if (word == NULL)
		return refuse(r, line, "no value behind ", "--sessions");
	n = number_parse(word->text, 0, STONE_SESSIONS_MAX);
	if (n == -1)
		return refuse(
		    r, word->line, "not 0 to 16: --sessions ", word->text);
	r->conf->sessions = (unsigned)n;
	r->conf->counted = 1;
	r->next++;
	return 0;
}

/* The word behind the option. Returns 1, as read_option does, or -1. */
static int
set_text(struct reader *r, const char **text, const char *option)
{
	const struct stone_word *word = peek(r);

	if (word == NULL)
		return refuse(r, 0, "no value behind ", option);
	*text = word->text;
	r->next++;
	return 1;
}

/* --inetd, --stdio. Returns 1, as read_option does, or -1. */
static int
set_source(struct reader *r, enum stone_source source)
{
	if (r->conf->source != STONE_LISTEN && r->conf->source != source)
		return refuse(
		    r, 0, "--inetd and --stdio exclude each other", "");
	r->conf->source = source;
	return 1;
}

/* Whether the next word is an option. Returns 1 when it was, 0, or -1. */
static int
read_option(struct reader *r)
{
	const struct stone_word *word = peek(r);

	if (word == NULL || word->text[0] != '-')
		return 0;
	r->next++;
	if (is(word, "--inetd") && r->words->file == NULL)
		return set_source(r, STONE_INETD);
	if (is(word, "--stdio") && r->words->file == NULL)
		return set_source(r, STONE_STDIO);
	if (is(word, "--json") && r->words->file == NULL)
		return r->conf->json = 1;
	if (is(word, "--install") && r->words->file == NULL)
		return r->conf->install = 1;
	if (is(word, "--request") && r->words->file == NULL)
		return set_text(r, &r->conf->wanted, word->text);
	if (is(word, "--textfile") && r->words->file == NULL)
		return set_text(r, &r->conf->textfile, word->text);
	if (is(word, "--sessions"))
		return set_sessions(r, word->line) == -1 ? -1 : 1;
	if (word->text[1] == '\0' || word->text[1] == '-')
		return refuse(r, word->line, "not served: ", word->text);
	return read_letters(r, word) == -1 ? -1 : 1;
}

/* ---- forwards ---- */

/* The relay, or a file that has it; or neither, where -f has named such. */
static int
read_relay(
    struct reader *r, const struct stone_word *word, struct stone_forward *f)
{
	if (warp_is_name(word->text))
		set_warp(r, &f->tls, word);
	else if (f->tls.warp.text != NULL &&
		 !stone_endpoint_is_relay(word->text))
		return 0;
	else if (stone_endpoint_relay(&f->relay, word->text, r->failure) == -1)
		return blame(r, word->line);
	r->next++;
	return 0;
}

static int
read_listen(struct reader *r, struct stone_forward *f)
{
	const int warp = f->tls.warp.text != NULL;
	const struct stone_word *word = peek(r);

	if (word == NULL || is(word, "--")) {
		if (warp && r->conf->source != STONE_LISTEN)
			return 0;
		return refuse(r, f->line, "it is not said where to listen", "");
	}
	if (stone_endpoint_listen(&f->listen, word->text, r->failure) == -1)
		return blame(r, word->line);
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
set_shared(struct reader *r, struct stone_forward *f)
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
read_request(struct reader *r, struct stone_forward *f)
{
	const struct stone_word *word = peek(r);
	const int none = word == NULL || is(word, "--");

	if (none && f->tls.warp.text == NULL)
		return refuse(r, f->line,
		    "no request behind the place to listen at, "
		    "such as \"GET / HTTP/1.1\"",
		    "");
	f->request = none ? "GET / HTTP/1.1" : word->text;
	if (none)
		return set_shared(r, f);
	if (stone_request_check(word->text, r->failure) == -1 ||
	    set_shared(r, f) == -1)
		return blame(r, word->line);
	r->next++;
	return 0;
}

/*
 * stone verifies a name by a regular expression alone. One that only says that
 * name asks for what is done anyway. Returns 0, or -1.
 */
static int
check_subject(const struct reader *r, const struct stone_forward *f)
{
	const struct stone_tls *tls = &f->tls;
	const char *regex = tls->subject.text;
	const char *name = tls->servername.text != NULL ? tls->servername.text
							: f->relay.host;
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
read_forward(struct reader *r, const struct stone_word *first)
{
	struct stone_conf *conf = r->conf;
	struct stone_forward *f = &conf->forwards[conf->nforwards];

	if (conf->nforwards == STONE_FORWARDS_MAX)
		return refuse(r, first->line, "too many forwards", "");
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
		return refuse(
		    r, f->line, "an earlier forward listens there", "");
	f->allowed = peek(r);
	while (peek(r) != NULL && !is(peek(r), "--")) {
		f->nallowed++;
		r->next++;
	}
	if (f->tls.warp.text == NULL &&
	    (f->tls.key.text == NULL || f->tls.cert.text == NULL))
		return refuse(r, f->line,
		    f->tls.key.text == NULL ? "no -q key= " : "no -q cert= ",
		    "before this forward");
	if (f->listen.path != NULL && f->nallowed > 0)
		return refuse(r, f->line, "allowed hosts ",
		    "are nothing to a Unix socket");
	conf->nforwards++;
	return 0;
}

/* ---- all ---- */

int
stone_conf_options(struct stone_conf *conf, const struct stone_words *words,
    size_t *next, struct failure *f)
{
	struct reader r = {conf, words, 0, f};
	int rc = 1;

	while (rc == 1 && !is(peek(&r), "--"))
		rc = read_option(&r);
	*next = r.next;
	return rc == -1 ? -1 : 0;
}

int
stone_conf_forwards(struct stone_conf *conf, const struct stone_words *words,
    size_t next, struct failure *f)
{
	struct reader r = {conf, words, next, f};
	const struct stone_word *word;
	int rc;

	while ((word = peek(&r)) != NULL) {
		if (is(word, "--")) {
			r.next++;
			continue;
		}
		rc = read_option(&r);
		if (rc == -1 || (rc == 0 && read_forward(&r, word) == -1))
			return -1;
	}
	return 0;
}
