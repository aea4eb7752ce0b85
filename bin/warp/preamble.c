/* What a .warp file says outside of its PEM objects: see preamble.h. */
#define _GNU_SOURCE
#include "warp/preamble.h"

#include <ctype.h>
#include <string.h>

#define VALUE_MAX (NETADDR_HOST_MAX + NETADDR_PORT_MAX)

static int
starts(const char *line, size_t n, const char *text)
{
	return n >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static size_t
blanks(const char *at, size_t n)
{
	size_t i = 0;

	while (i < n && isspace((unsigned char)at[i]))
		i++;
	return i;
}

/* Whether the line of n bytes is "relay = VALUE"; sets value to that. */
static int
is_relay(const char *line, size_t n, char value[static VALUE_MAX])
{
	static const char key[] = "relay";
	const char *const end = line + n;

	line += blanks(line, n);
	if (!starts(line, (size_t)(end - line), key))
		return 0;
	line += strlen(key);
	line += blanks(line, (size_t)(end - line));
	if (line == end || *line != '=')
		return 0;
	line++;
	line += blanks(line, (size_t)(end - line));
	n = (size_t)(end - line);
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	if (n >= VALUE_MAX)
		n = VALUE_MAX - 1; /* too long for netaddr_parse, too */
	memcpy(value, line, n);
	value[n] = '\0';
	return 1;
}

static int
take_relay(struct relays *relays, const char *value, struct failure *f)
{
	struct netaddr relay;

	if (netaddr_parse(&relay, value, f) == -1 ||
	    netaddr_check_port(relay.port, f) == -1)
		return failure_prefix(f, "relay = ");
	return relays_add(relays, &relay, f);
}

int
preamble_relays(struct relays *relays, const struct pem_text *t,
    const char *path, struct failure *f)
{
	const char *at = (const char *)t->at, *const end = at + t->len;
	char value[VALUE_MAX];
	unsigned number = 0;
	int inside = 0;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const size_t n = (size_t)((newline != NULL ? newline : end) -
					  at);

		number++;
		if (starts(at, n, "-----BEGIN "))
			inside = 1;
		else if (starts(at, n, "-----END "))
			inside = 0;
		else if (!inside && is_relay(at, n, value) &&
			 take_relay(relays, value, f) == -1)
			return failure_prefix(f, "%s:%u: ", path, number);
		at += n + (newline != NULL);
	}
	if (relays->n > 0)
		return 0;
	return failure(f,
	    "%s: it does not say where the relay is: write a line relay = "
	    "HOST:PORT at its top",
	    path);
}
