/*
 * The words of stone's language, as its configuration files write them.
 *
 * White space separates words; 'x y', "x y" and \ keep it. Outside of quotes,
 * # at a word's start comments to the end of the line, and so does what stands
 * between the marks of a C comment. \n, \r and \t are control characters but
 * within single quotes. A space before : or = does not separate, as in
 * stone, but one before :: does. What only the C preprocessor or the
 * environment could give, lines like #define and $NAME, is refused; a $ that
 * ends a word, as of a regular expression, is none of that.
 */
#ifndef STONE_WORDS_H
#define STONE_WORDS_H

#include "base/failure.h"

#include <stddef.h>

struct stone_word {
	const char *text;
	unsigned line; /* 0: of the command line */
};

struct stone_words {
	const char *file; /* as given; for messages; NULL: the command line */
	struct stone_word *list;
	size_t count;
	char *store; /* what the texts point into */
};

/*
 * Splits len bytes of text, the contents of file. Pure. Returns 0, or -1 with
 * "file:line: reason" in f; stone_words_free gives it back.
 */
int stone_words_parse(struct stone_words *words, const char *file,
    const char *text, size_t len, struct failure *f);

/* Reads the file and splits it, likewise. */
int stone_words_from_file(
    struct stone_words *words, const char *file, struct failure *f);

/* Takes argv[1] and what follows as they are; they must outlive words. */
int stone_words_from_argv(
    struct stone_words *words, int argc, char **argv, struct failure *f);

/* Safe on a zeroed one. */
void stone_words_free(struct stone_words *words);

/*
 * Puts "file:line: " before what f says. Returns -1, for the caller to return.
 */
int stone_words_locate(struct failure *f, const char *file, unsigned line);

#endif
