/* Reading stone's language: see conf_reader.h. */
#include "stone/conf_reader.h"

#include <string.h>

int
conf_reader_blame(const struct conf_reader *r, unsigned line)
{
	return stone_words_locate(r->failure, r->words->file, line);
}

int
conf_reader_refuse(const struct conf_reader *r, unsigned line, const char *what,
    const char *about)
{
	failure(r->failure, "%s%s", what, about);
	return conf_reader_blame(r, line);
}

const struct stone_word *
conf_reader_peek(const struct conf_reader *r)
{
	return r->next < r->words->count ? &r->words->list[r->next] : NULL;
}

int
conf_reader_is(const struct stone_word *word, const char *text)
{
	return word != NULL && strcmp(word->text, text) == 0;
}

void
conf_reader_warp(
    struct conf_reader *r, struct stone_tls *tls, const struct stone_word *word)
{
	tls->warp = (struct stone_value){
	    word->text, r->words->file, word->line};
}
