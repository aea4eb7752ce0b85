/* A head as the relay passes it on: see head.h. */
#include "http/head.h"

#include <stdio.h>
#include <string.h>

/* How the line ends whose LF is the last byte before end. */
static const char *
end_of_line(const char *end)
{
	return end[-2] == '\r' ? "\r\n" : "\n";
}

/* What the relay alone may say. */
static int
is_ours(const struct head_field *field)
{
	return head_field_is(field, "X-Forwarded-For") ||
	       head_field_is(field, "X-Bare");
}

size_t
head_forward(const struct head *head, const char *buf, const char *host,
    char out[static HEAD_FORWARD_MAX])
{
	const char *line = buf + head->start;
	const char *end = memchr(line, '\n', head->length - head->start);
	size_t used = (size_t)(++end - line), at = 0;
	const char *eol = end_of_line(end);
	struct head_field field;

	memcpy(out, line, used);
	while (head_next_field(head, buf, &at, &field)) {
		size_t len = (size_t)(buf + at - field.name);

		eol = end_of_line(buf + at);
		if (is_ours(&field))
			continue;
		memcpy(out + used, field.name, len);
		used += len;
	}
	return used + (size_t)snprintf(out + used, HEAD_FORWARD_MAX - used,
			  "X-Forwarded-For: %s%s%s", host, eol, eol);
}

size_t
head_mark(char head[static HEAD_FORWARD_MAX], size_t len)
{
	const char *eol = end_of_line(head + len);

	len -= strlen(eol);
	return len + (size_t)snprintf(head + len, HEAD_FORWARD_MAX - len,
			 "X-Bare: 1%s%s", eol, eol);
}
