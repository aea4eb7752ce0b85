/*
 * Pieces of a request head: words, lines, and fields "name: value", as they lie
 * in a buffer that stays the caller's. Pure.
 */
#ifndef HTTP_SLICE_H
#define HTTP_SLICE_H

#include <stddef.h>

/* Not terminated. */
struct slice {
	const char *at;
	size_t len; /* bytes */
};

int slice_is(struct slice s, const char *text);

/* Whether a field has this name, in any case of letters (RFC 9110 5.1). */
int slice_is_field(struct slice name, const char *text);

/* RFC 9110 5.6.2 */
int slice_is_token(struct slice s);

/* Takes the next line off s, without its end; s holds whole lines alone. */
struct slice slice_next_line(struct slice *s);

/* Takes the next word off s; words are apart by spaces and tabs. */
struct slice slice_next_word(struct slice *s);

/*
 * Splits "name: value", white space around the value cut. Returns 0, or -1
 * where it is no field.
 */
int slice_split_field(
    struct slice line, struct slice *name, struct slice *value);

/* Copies what fits of value, and ends it with NUL. */
void slice_copy(char *to, size_t size, struct slice value);

#endif
