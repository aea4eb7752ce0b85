/* The options of stone's language: see conf.h. */
#include "base/number.h"
#include "stone/conf_reader.h"

#include <stdio.h>
#include <string.h>

/* The word behind -q */
static int
set_tls(struct conf_reader *r, const struct stone_word *word)
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
			return conf_reader_refuse(
			    r, word->line, "no value behind -q ", word->text);
		*fields[i].value = (struct stone_value){
		    word->text + n, r->words->file, word->line};
		if (fields[i].value2 != NULL)
			*fields[i].value2 = *fields[i].value;
		return 0;
	}
	if (conf_reader_is(word, "default")) {
		memset(tls, 0, sizeof(*tls));
		return 0;
	}
	/* it does both, always */
	if (conf_reader_is(word, "sni") || conf_reader_is(word, "verify"))
		return 0;
	if (conf_reader_is(word, "verify,none"))
		return conf_reader_refuse(r, word->line, "-q verify,none: ",
		    "the relay's certificate is always verified");
	return conf_reader_refuse(r, word->line, "not served: -q ", word->text);
}

static int
set_proxy(struct conf_reader *r, const struct stone_word *word)
{
	struct stone_conf *conf = r->conf;

	if (conf->proxy != NULL)
		return conf_reader_refuse(
		    r, word->line, "-x is given twice", "");
	conf->proxy = word->text;
	conf->proxy_file = r->words->file;
	conf->proxy_line = word->line;
	return 0;
}

/* The words behind -b, of which this is the first of three. */
static int
set_backup(struct conf_reader *r, const struct stone_word *word)
{
	if (r->words->count - r->next < 2)
		return conf_reader_refuse(
		    r, word->line, "not three words behind ", "-b");
	r->next += 2;
	return stone_backups_add(&r->conf->backups, word[0].text, word[1].text,
		   word[2].text, r->failure) == 0
		   ? 0
		   : conf_reader_blame(r, word->line);
}

static int
set_value(struct conf_reader *r, char letter, const struct stone_word *word)
{
	if (letter == 'f') {
		conf_reader_warp(r, &r->conf->tls, word);
		return 0;
	}
	if (letter == 'b')
		return set_backup(r, word);
	if (letter == 'q')
		return set_tls(r, word);
	if (letter == 'x')
		return set_proxy(r, word);
	if (letter == 'P') /* nothing: this has stone start none */
		return *word->text == '\0' ? 0
					   : conf_reader_refuse(r, word->line,
						 "there is no preprocessor: "
						 "leave out -P ",
						 word->text);
	if (r->conf->file != NULL)
		return conf_reader_refuse(
		    r, word->line, "-C is given twice", "");
	r->conf->file = word->text;
	return 0;
}

/* Whether the letter is a flag. Some are for the command line alone. */
static int
set_flag(struct conf_reader *r, char letter)
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
read_letters(struct conf_reader *r, const struct stone_word *word)
{
	for (const char *p = word->text + 1; *p != '\0'; p++) {
		const char name[] = {'-', *p, '\0'};

		if (set_flag(r, *p))
			continue;
		if (strchr("bfqxP", *p) == NULL &&
		    (*p != 'C' || r->words->file != NULL))
			return conf_reader_refuse(
			    r, word->line, "not served: ", name);
		if (conf_reader_peek(r) == NULL)
			return conf_reader_refuse(
			    r, word->line, "no value behind ", name);
		if (set_value(r, *p, &r->words->list[r->next++]) == -1)
			return -1;
	}
	return 0;
}

/* The word behind --sessions */
static int
set_sessions(struct conf_reader *r, unsigned line)
{
	const struct stone_word *word = conf_reader_peek(r);
	int64_t n;

	if (word == NULL)
		return conf_reader_refuse(
		    r, line, "no value behind ", "--sessions");
	n = number_parse(word->text, 0, STONE_SESSIONS_MAX);
	if (n == -1)
		return conf_reader_refuse(
		    r, word->line, "not 0 to 16: --sessions ", word->text);
	r->conf->sessions = (unsigned)n;
	r->conf->counted = 1;
	r->next++;
	return 0;
}

/* The word behind the option. Returns 1, as conf_reader_option does, or -1. */
static int
set_text(struct conf_reader *r, const char **text, const char *option)
{
	const struct stone_word *word = conf_reader_peek(r);

	if (word == NULL)
		return conf_reader_refuse(r, 0, "no value behind ", option);
	*text = word->text;
	r->next++;
	return 1;
}

/* --inetd, --stdio. Returns 1, as conf_reader_option does, or -1. */
static int
set_source(struct conf_reader *r, enum stone_source source)
{
	if (r->conf->source != STONE_LISTEN && r->conf->source != source)
		return conf_reader_refuse(
		    r, 0, "--inetd and --stdio exclude each other", "");
	r->conf->source = source;
	return 1;
}

int
conf_reader_option(struct conf_reader *r)
{
	const struct stone_word *word = conf_reader_peek(r);

	if (word == NULL || word->text[0] != '-')
		return 0;
	r->next++;
	if (conf_reader_is(word, "--inetd") && r->words->file == NULL)
		return set_source(r, STONE_INETD);
	if (conf_reader_is(word, "--stdio") && r->words->file == NULL)
		return set_source(r, STONE_STDIO);
	if (conf_reader_is(word, "--json") && r->words->file == NULL)
		return r->conf->json = 1;
	if (conf_reader_is(word, "--install") && r->words->file == NULL)
		return r->conf->install = 1;
	if (conf_reader_is(word, "--request") && r->words->file == NULL)
		return set_text(r, &r->conf->wanted, word->text);
	if (conf_reader_is(word, "--textfile") && r->words->file == NULL)
		return set_text(r, &r->conf->textfile, word->text);
	if (conf_reader_is(word, "--sessions"))
		return set_sessions(r, word->line) == -1 ? -1 : 1;
	if (word->text[1] == '\0' || word->text[1] == '-')
		return conf_reader_refuse(
		    r, word->line, "not served: ", word->text);
	return read_letters(r, word) == -1 ? -1 : 1;
}

int
stone_conf_options(struct stone_conf *conf, const struct stone_words *words,
    size_t *next, struct failure *f)
{
	struct conf_reader r = {conf, words, 0, f};
	int rc = 1;

	while (rc == 1 && !conf_reader_is(conf_reader_peek(&r), "--"))
		rc = conf_reader_option(&r);
	*next = r.next;
	return rc == -1 ? -1 : 0;
}
