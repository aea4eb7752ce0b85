/* The relay's answer: see response.h. */
#include "http/response.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Copies len bytes, white space at the start cut, as far as they fit. */
static void
copy(char *to, size_t size, const char *from, size_t len)
{
	while (len > 0 && (*from == ' ' || *from == '\t')) {
		from++;
		len--;
	}
	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* "HTTP/1.1 200 OK" */
static int
parse_status(struct response *r, const char *line, size_t len)
{
	static const char version[] = "HTTP/1.";
	const size_t at = sizeof(version) + 1; /* of the status */

	if (len < at + 3 || memcmp(line, version, sizeof(version) - 1) != 0 ||
	    line[at - 1] != ' ')
		return -1;
	for (size_t i = at; i < at + 3; i++) {
		if (!isdigit((unsigned char)line[i]))
			return -1;
		r->status = r->status * 10 + (line[i] - '0');
	}
	copy(r->reason, sizeof(r->reason), line + at + 3, len - at - 3);
	return 0;
}

static void
parse_field(struct response *r, const char *line, size_t len)
{
	const struct {
		const char *name;
		char *value;
		size_t size;
	} fields[] = {
	    {"X-Reason:", r->reason, sizeof(r->reason)},
	    {"X-Customer:", r->customer, sizeof(r->customer)},
	    {"X-Mux:", r->mux, sizeof(r->mux)},
	    {"X-Check:", r->check, sizeof(r->check)},
	    {"Date:", r->date, sizeof(r->date)},
	    {"X-Seal:", r->seal, sizeof(r->seal)},
	    {"X-Bare:", r->bare, sizeof(r->bare)},
	    {"X-Park:", r->park, sizeof(r->park)},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t n = strlen(fields[i].name);

		if (len < n || strncasecmp(line, fields[i].name, n) != 0)
			continue;
		copy(fields[i].value, fields[i].size, line + n, len - n);
		r->explained |= fields[i].value == r->reason;
	}
}

int
response_parse(struct response *r, const char *buf, size_t len)
{
	size_t at = 0;

	memset(r, 0, sizeof(*r));
	while (at < len && at < RESPONSE_MAX_BYTES) {
		const char *line = buf + at;
		const char *lf = memchr(line, '\n', len - at);
		size_t n;

		if (lf == NULL)
			break;
		n = (size_t)(lf - line);
		if (n > 0 && line[n - 1] == '\r')
			n--;
		if (at == 0 && parse_status(r, line, n) == -1)
			return -1;
		if (at > 0)
			parse_field(r, line, n);
		at = (size_t)(lf - buf) + 1;
		if (n == 0) {
			r->length = at;
			return 1;
		}
	}
	return len < RESPONSE_MAX_BYTES ? 0 : -1;
}
