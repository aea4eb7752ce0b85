/* The words of stone's language: see words.h. */
#include "stone/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1 << 20)
#define LIST_STEP      64 /* words, by which the list grows */

/* Escapes of a request (request.h) that must come through to it. */
#define REQUEST_ESCAPES "aAdDuUgG?0123456789"

struct scanner {
	struct stone_words *words;
	const char *at, *end;
	unsigned line;
	char *out; /* the next free byte of the store */
	struct failure *failure;
};

int
stone_words_locate(struct failure *f, const char *file, unsigned line)
{
	if (file == NULL)
		return failure_prefix(f, "command line: ");
	return failure_prefix(f, "%s:%u: ", file, line);
}

static int
refuse(const struct scanner *s, unsigned line, const char *what)
{
	failure(s->failure, "%s", what);
	return stone_words_locate(s->failure, s->words->file, line);
}

static int
starts(const struct scanner *s, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
}

/* ---- what lies between words ---- */

/* Returns 0, or -1. */
static int
skip_c_comment(struct scanner *s)
{
	unsigned first = s->line;

	for (s->at += 2; s->at < s->end; s->at++) {
		if (starts(s, "*/")) {
			s->at += 2;
			return 0;
		}
		if (*s->at == '\n')
			s->line++;
	}
	return refuse(s, first, "this comment has no end");
}

/* Returns 0, or -1 where it is a line for the preprocessor. */
static int
skip_line_comment(struct scanner *s)
{
	static const char *const directives[] = {"#define", "#undef",
	    "#include", "#if", "#ifdef", "#ifndef", "#elif", "#else", "#endif"};
	size_t n = 1;

	while (s->at + n < s->end && isalpha((unsigned char)s->at[n]))
		n++;
	for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++)
		if (n == strlen(directives[i]) && starts(s, directives[i])) {
			failure(s->failure,
			    "%s is for the C preprocessor, which is not "
			    "served (a comment: # and a space)",
			    directives[i]);
			return stone_words_locate(
			    s->failure, s->words->file, s->line);
		}
	while (s->at < s->end && *s->at != '\n')
		s->at++;
	return 0;
}

/* Returns 1 at a word, 0 at the end, or -1. */
static int
find_word(struct scanner *s)
{
	while (s->at < s->end) {
		if (*s->at == '#') {
			if (skip_line_comment(s) == -1)
				return -1;
		} else if (starts(s, "/*")) {
			if (skip_c_comment(s) == -1)
				return -1;
		} else if (isspace((unsigned char)*s->at)) {
			if (*s->at++ == '\n')
				s->line++;
		} else if (starts(s, "\\\n")) {
			s->at += 2;
			s->line++;
		} else {
			return 1;
		}
	}
	return 0;
}

/* ---- a word ---- */

static int
take_escape(struct scanner *s)
{
	char c;

	if (++s->at == s->end)
		return refuse(s, s->line, "nothing behind the last \\");
	c = *s->at++;
	switch (c) {
	case '\n':
		s->line++;
		return 0;
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	default:
		if (strchr(REQUEST_ESCAPES, c) != NULL)
			*s->out++ = '\\';
	}
	*s->out++ = c;
	return 0;
}

/*
 * Whether the $ at s->at, behind which the quote ends that is given, ends its
 * word, as that of a regular expression does.
 */
static int
ends_word(const struct scanner *s, char quote)
{
	const char *next = s->at + 1;

	if (quote != '\0') {
		if (next == s->end || *next != quote)
			return 0;
		next++;
	}
	return next == s->end || isspace((unsigned char)*next);
}

/* The inside of quotes, whose first mark is at s->at, and the second. */
static int
take_quoted(struct scanner *s)
{
	const char quote = *s->at++;
	const unsigned first = s->line;

	while (s->at < s->end && *s->at != quote) {
		if (quote == '"' && *s->at == '\\') {
			if (take_escape(s) == -1)
				return -1;
			continue;
		}
		if (quote == '"' && *s->at == '$' && !ends_word(s, quote))
			return refuse(s, s->line,
			    "$ is not served here; "
			    "write \\$ for the sign");
		if (*s->at == '\n')
			s->line++;
		*s->out++ = *s->at++;
	}
	if (s->at == s->end)
		return refuse(s, first, "this quote has no end");
	s->at++;
	return 0;
}

/* Whether the space at s->at is none: before : or =, but not before ::1 */
static int
joins(const struct scanner *s)
{
	size_t left = (size_t)(s->end - s->at);

	if (left < 2 || (s->at[1] != ':' && s->at[1] != '='))
		return 0;
	return left < 3 || s->at[1] != ':' || s->at[2] != ':';
}

/* Returns 1 at the word's end, 0 before it, or -1. */
static int
take_piece(struct scanner *s)
{
	const char c = *s->at;

	if (isspace((unsigned char)c)) {
		if (!joins(s))
			return 1;
		s->line += c == '\n';
		s->at++;
		return 0;
	}
	if (starts(s, "/*"))
		return skip_c_comment(s);
	switch (c) {
	case '\'':
	case '"':
		return take_quoted(s);
	case '\\':
		return take_escape(s);
	case '#':
		return refuse(s, s->line,
		    "# within a word: put it in quotes, or a space before it");
	case '$':
		if (!ends_word(s, '\0'))
			return refuse(s, s->line,
			    "$ is not served; write \\$ for the sign");
	}
	*s->out++ = *s->at++;
	return 0;
}

static int
add(struct stone_words *words, const char *text, unsigned line)
{
	struct stone_word *list = words->list;

	if (words->count % LIST_STEP == 0) {
		list = reallocarray(
		    list, words->count + LIST_STEP, sizeof(*list));
		if (list == NULL)
			return -1;
		words->list = list;
	}
	list[words->count++] = (struct stone_word){text, line};
	return 0;
}

static int
take_word(struct scanner *s)
{
	const char *text = s->out;
	const unsigned line = s->line;
	int rc = 0;

	while (s->at < s->end && rc == 0)
		rc = take_piece(s);
	if (rc == -1)
		return -1;
	*s->out++ = '\0';
	if (add(s->words, text, line) == -1)
		return refuse(s, line, strerror(errno));
	return 0;
}

/* ---- all of them ---- */

int
stone_words_parse(struct stone_words *words, const char *file, const char *text,
    size_t len, struct failure *f)
{
	struct scanner s = {.words = words,
	    .at = text,
	    .end = text + len,
	    .line = 1,
	    .failure = f};
	const char *nul = memchr(text, '\0', len);
	int rc;

	*words = (struct stone_words){.file = file};
	for (const char *p = text; nul != NULL && p < nul; p++)
		s.line += *p == '\n';
	if (nul != NULL)
		return refuse(&s, s.line, "NUL byte in the line");
	/* no word is longer in the store than in the text, its end aside */
	s.out = words->store = malloc(len + 1);
	if (words->store == NULL)
		return refuse(&s, 1, strerror(errno));
	while ((rc = find_word(&s)) == 1 && take_word(&s) == 0)
		;
	if (rc == 0)
		return 0;
	stone_words_free(words);
	return -1;
}

int
stone_words_from_file(
    struct stone_words *words, const char *file, struct failure *f)
{
	FILE *stream = fopen(file, "re");
	char *text = NULL;
	size_t len = 0;
	int rc = -1;

	*words = (struct stone_words){.file = file};
	if (stream != NULL)
		text = malloc(FILE_MAX_BYTES);
	if (text != NULL)
		len = fread(text, 1, FILE_MAX_BYTES, stream);
	if (stream == NULL || text == NULL || ferror(stream))
		failure(f, "%s: %s", file, strerror(errno));
	else if (len == FILE_MAX_BYTES)
		failure(f, "%s: too long", file);
	else
		rc = stone_words_parse(words, file, text, len, f);
	free(text);
	if (stream != NULL)
		fclose(stream);
	return rc;
}

int
stone_words_from_argv(
    struct stone_words *words, int argc, char **argv, struct failure *f)
{
	*words = (struct stone_words){0};
	for (int i = 1; i < argc; i++)
		if (add(words, argv[i], 0) == -1) {
			failure(f, "%s", strerror(errno));
			stone_words_free(words);
			return -1;
		}
	return 0;
}

void
stone_words_free(struct stone_words *words)
{
	free(words->list);
	free(words->store);
	words->list = NULL;
	words->store = NULL;
	words->count = 0;
}
