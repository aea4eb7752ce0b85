/* The relays that a client uses: see relays.h. */
#include "warp/relays.h"

#include <stdio.h>
#include <string.h>

int
relays_add(
    struct relays *relays, const struct netaddr *relay, struct failure *f)
{
	if (relays->n == RELAYS_MAX)
		return failure(f, "more than %d relays", RELAYS_MAX);
	relays->list[relays->n++] = *relay;
	return 0;
}

void
relay_text(const struct netaddr *relay, char text[static RELAY_TEXT_MAX])
{
	snprintf(text, RELAY_TEXT_MAX,
	    strchr(relay->host, ':') != NULL ? "[%s]:%s" : "%s:%s", relay->host,
	    relay->port);
}

void
relays_text(const struct relays *relays, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < relays->n; i++) {
		char relay[RELAY_TEXT_MAX];
		int n;

		relay_text(&relays->list[i], relay);
		n = snprintf(
		    text + len, size - len, "%s%s", i > 0 ? "," : "", relay);
		if (n < 0 || (size_t)n >= size - len) {
			text[len] = '\0';
			return;
		}
		len += (size_t)n;
	}
}

int
relays_same(const struct relays *a, const struct relays *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->list[i].host, b->list[i].host) != 0 ||
		    strcmp(a->list[i].port, b->list[i].port) != 0)
			return 0;
	return 1;
}
