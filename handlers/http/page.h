/*
 * The page that a browser gets: one static file, page.html, which lies in the
 * program and asks for its data again and again.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include <stddef.h>

/* The page, and its length in bytes, without its NUL. */
extern const char page_html[];
size_t page_length(void);

/*
 * Writes the response head of the page (json: of its data, of length bytes) to
 * out. The page may run its own script and style, which are named by their
 * hashes, and ask where it came from; nothing else. Returns the head's length,
 * or -1 where it could not be made.
 */
#define PAGE_HEAD_MAX 1024
int page_head(char out[static PAGE_HEAD_MAX], int json, size_t length);

#endif
