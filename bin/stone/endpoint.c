/* The two places of a forward: see endpoint.h. */
#include "stone/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* What may stand behind the slash, as bits. */
enum { SSL_EXT = 1, HTTP_EXT = 2, TCP_EXT = 4, V6_EXT = 8, V6ONLY_EXT = 16 };

static const struct {
	const char *word;
	int bit;
} extensions[] = {
    {"ssl", SSL_EXT},
    {"http", HTTP_EXT},
    {"tcp", TCP_EXT},
    {"v6", V6_EXT},
    {"v6only", V6ONLY_EXT},
};

/* Adds up the extensions in text. Returns them, or -1 with f. */
static int
parse_extensions(
    const char *text, int allowed, const char *where, struct failure *f)
{
	int set = 0;

	for (;;) {
		size_t n = strcspn(text, ","), i;

		for (i = 0; i < sizeof(extensions) / sizeof(*extensions); i++)
			if (strlen(extensions[i].word) == n &&
			    memcmp(text, extensions[i].word, n) == 0 &&
			    (extensions[i].bit & allowed) != 0)
				break;
		if (i == sizeof(extensions) / sizeof(*extensions))
			return failure(
			    f, "/%.*s is not served %s", (int)n, text, where);
		set |= extensions[i].bit;
		if (text[n] == '\0')
			return set;
		text += n + 1;
	}
}

/* Splits word at its first slash into text (size bytes) and what follows. */
static const char *
cut(char *text, size_t size, const char *word)
{
	size_t n = strcspn(word, "/");

	snprintf(text, size, "%.*s", (int)n, word);
	return word[n] == '/' ? word + n + 1 : NULL;
}

/*
 * "host:port". Stone writes a v6 address without brackets, and its /v6 says
 * that the last colon is the port's.
 */
static int
parse_place(struct netaddr *addr, const char *text, int v6, struct failure *f)
{
	char bracketed[NETADDR_HOST_MAX + NETADDR_PORT_MAX + 4];
	const char *colon = strrchr(text, ':');

	if (v6 && *text != '[' && colon != NULL &&
	    memchr(text, ':', (size_t)(colon - text)) != NULL) {
		snprintf(bracketed, sizeof(bracketed), "[%.*s]%s",
		    (int)(colon - text), text, colon);
		text = bracketed;
	}
	if (netaddr_parse(addr, text, f) == -1)
		return -1;
	return netaddr_check_port(addr->port, f);
}

/* Parses the places in text, which it cuts, with commas between them. */
static int
parse_places(struct relays *relays, char *text, int v6, struct failure *f)
{
	struct netaddr relay;
	char *next;

	for (; text != NULL; text = next) {
		next = strchr(text, ',');
		if (next != NULL)
			*next++ = '\0';
		if (parse_place(&relay, text, v6, f) == -1 ||
		    relays_add(relays, &relay, f) == -1)
			return -1;
	}
	return 0;
}

int
stone_endpoint_relays(
    struct relays *relays, const char *word, struct failure *f)
{
	static const char *const kinds[] = {"proxy", "health", "identd"};
	char text[RELAYS_MAX * (NETADDR_HOST_MAX + NETADDR_PORT_MAX + 2)];
	const char *behind = cut(text, sizeof(text), word);
	int set = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(text, kinds[i]) == 0)
			return failure(f, "a %s is not served", kinds[i]);
	if (*word == '/' || *word == '.')
		return failure(f, "%s: a relay has no Unix socket", word);
	if (behind != NULL)
		set = parse_extensions(behind,
		    SSL_EXT | HTTP_EXT | TCP_EXT | V6_EXT, "for a relay", f);
	if (set == -1 ||
	    parse_places(relays, text, (set & V6_EXT) != 0, f) == -1)
		return -1;
	if ((set & (SSL_EXT | HTTP_EXT)) == (SSL_EXT | HTTP_EXT))
		return 0;
	return failure(f, "%s: write /ssl,http behind the port", word);
}

int
stone_endpoint_is_relay(const char *word)
{
	const char *slash = strchr(word, '/');

	return *word != '/' && *word != '.' && slash != NULL &&
	       strstr(slash, "ssl") != NULL;
}

static int
parse_path(struct stone_listen *where, const char *word, struct failure *f)
{
	where->path = word;
	if (strlen(word) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return 0;
	return failure(f, "%s: too long for a Unix socket", word);
}

int
stone_endpoint_listen(
    struct stone_listen *where, const char *word, struct failure *f)
{
	char text[NETADDR_HOST_MAX + NETADDR_PORT_MAX + 2];
	const char *behind;
	int set = 0;

	memset(where, 0, sizeof(*where));
	if (*word == '/' || *word == '.')
		return parse_path(where, word, f);
	behind = cut(text, sizeof(text), word);
	if (behind != NULL)
		set = parse_extensions(behind, TCP_EXT | V6_EXT | V6ONLY_EXT,
		    "where it listens", f);
	if (set == -1)
		return -1;
	where->v6only = (set & V6ONLY_EXT) != 0;
	where->family = (set & (V6_EXT | V6ONLY_EXT)) != 0 || *text == '['
			    ? AF_INET6
			    : AF_INET;
	if (strchr(text, '%') != NULL)
		return failure(
		    f, "%s: %% and an interface are not served", word);
	if (strchr(text, ':') != NULL)
		return parse_place(
		    &where->addr, text, where->family == AF_INET6, f);
	if (*text == '\0' || strlen(text) >= sizeof(where->addr.port))
		return failure(f, "%s: not a place to listen at", word);
	strcpy(where->addr.port, text);
	return netaddr_check_port(text, f);
}

int
stone_endpoint_same(const struct stone_listen *a, const struct stone_listen *b)
{
	if (a->path != NULL || b->path != NULL)
		return a->path != NULL && b->path != NULL &&
		       strcmp(a->path, b->path) == 0;
	return a->family == b->family && a->v6only == b->v6only &&
	       strcmp(a->addr.host, b->addr.host) == 0 &&
	       strcmp(a->addr.port, b->addr.port) == 0;
}

void
stone_endpoint_text(const struct stone_listen *where, char *text, size_t size)
{
	if (where->path != NULL)
		snprintf(text, size, "%s", where->path);
	else
		snprintf(text, size,
		    strchr(where->addr.host, ':') != NULL ? "[%s]:%s" : "%s:%s",
		    where->addr.host[0] == '\0' ? "*" : where->addr.host,
		    where->addr.port);
}
