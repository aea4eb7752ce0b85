/* Pieces of a head: see slice.h. */
#include "http/slice.h"

#include <string.h>
#include <strings.h>

int
slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

int
slice_is_field(struct slice name, const char *text)
{
	return name.len == strlen(text) &&
	       strncasecmp(name.at, text, name.len) == 0;
}

int
slice_is_token(struct slice s)
{
	if (s.len == 0)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c <= 0x20 || c >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return 0;
	}
	return 1;
}

struct slice
slice_next_line(struct slice *s)
{
	const char *lf = memchr(s->at, '\n', s->len);
	struct slice line = {s->at, (size_t)(lf - s->at)};

	s->len -= line.len + 1;
	s->at = lf + 1;
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

int
slice_split_field(struct slice line, struct slice *name, struct slice *value)
{
	const char *colon = memchr(line.at, ':', line.len);
	size_t cut;

	if (colon == NULL)
		return -1;
	*name = (struct slice){line.at, (size_t)(colon - line.at)};
	if (!slice_is_token(*name))
		return -1;
	*value = (struct slice){colon + 1, line.len - name->len - 1};
	for (cut = 0; cut < value->len; cut++)
		if (value->at[cut] != ' ' && value->at[cut] != '\t')
			break;
	value->at += cut;
	value->len -= cut;
	while (value->len > 0 && (value->at[value->len - 1] == ' ' ||
				     value->at[value->len - 1] == '\t'))
		value->len--;
	return 0;
}

void
slice_copy(char *to, size_t size, struct slice value)
{
	size_t n = value.len < size ? value.len : size - 1;

	memcpy(to, value.at, n);
	to[n] = '\0';
}

struct slice
slice_next_word(struct slice *s)
{
	struct slice word;

	while (s->len > 0 && (*s->at == ' ' || *s->at == '\t')) {
		s->at++;
		s->len--;
	}
	word = (struct slice){s->at, 0};
	while (word.len < s->len && word.at[word.len] != ' ' &&
	       word.at[word.len] != '\t')
		word.len++;
	s->at += word.len;
	s->len -= word.len;
	return word;
}
