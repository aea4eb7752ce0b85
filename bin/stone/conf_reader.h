/*
 * Reading stone's language, word by word: what conf.c, of the forwards, and
 * conf_options.c have in common.
 */
#ifndef STONE_CONF_READER_H
#define STONE_CONF_READER_H

#include "stone/conf.h"

/* Where we are in the words. */
struct conf_reader {
	struct stone_conf *conf;
	const struct stone_words *words;
	size_t next;
	struct failure *failure;
};

/* Puts file and line before a failure that is noted already. Returns -1. */
int conf_reader_blame(const struct conf_reader *r, unsigned line);

/* Notes a failure: what is wrong, and about which words. Returns -1. */
int conf_reader_refuse(const struct conf_reader *r, unsigned line,
    const char *what, const char *about);

/* The next word, which stays the words'; NULL behind the last. */
const struct stone_word *conf_reader_peek(const struct conf_reader *r);

/* Whether there is a word, and it is this text. */
int conf_reader_is(const struct stone_word *word, const char *text);

/* The word names a file for -f, or in its place. */
void conf_reader_warp(struct conf_reader *r, struct stone_tls *tls,
    const struct stone_word *word);

/*
 * Reads the next word where that is an option, with its values
 * (conf_options.c). Returns 1 when it was, 0, or -1 with a reason in
 * r->failure.
 */
int conf_reader_option(struct conf_reader *r);

#endif
