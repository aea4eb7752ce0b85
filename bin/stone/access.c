/* Which hosts may use a forward: see access.h. */
#include "stone/access.h"
#include "base/netaddr.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_NONE (-1) /* the whole address */
#define V4_BITS   32

/* What stands behind the slash of an entry. */
struct extension {
	int bits;
	int family;
};

/* "255.255.255.0" to 24. Returns -1 where the ones are not in one piece. */
static int
bits_of_netmask(const struct in_addr *mask)
{
	uint32_t ones = ntohl(mask->s_addr), gap = ~ones;

	if ((gap & (gap + 1)) != 0)
		return -1;
	return gap == 0 ? V4_BITS : __builtin_clz(gap);
}

/* One word between commas. Returns 0 or -1. */
static int
parse_extension(struct extension *x, const char *text)
{
	struct in_addr mask;

	if (strcmp(text, "v4") == 0) {
		x->family = AF_INET;
	} else if (strcmp(text, "v6") == 0) {
		x->family = AF_INET6;
	} else if (inet_pton(AF_INET, text, &mask) == 1) {
		x->family = AF_INET;
		x->bits = bits_of_netmask(&mask);
		return x->bits == -1 ? -1 : 0;
	} else {
		x->bits = (int)number_parse(text, 0, PREFIX_ALL);
		if (x->bits == -1)
			return -1;
		if (x->bits > V4_BITS)
			x->family = AF_INET6;
	}
	return 0;
}

static int
parse_extensions(struct extension *x, char *text, struct failure *f)
{
	char *word, *rest;

	for (word = strtok_r(text, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest))
		if (parse_extension(x, word) == -1)
			return failure(f,
			    "/%s is not served behind an "
			    "allowed host",
			    word);
	return 0;
}

static int
add_address(struct access_list *list, const struct sockaddr *sa, int bits,
    struct failure *f)
{
	struct prefix p;
	int mapped = sa->sa_family == AF_INET ? PREFIX_ALL - V4_BITS : 0;

	if (list->count == ACCESS_MAX)
		return failure(f, "more than %d allowed hosts", ACCESS_MAX);
	if (prefix_of(&p, sa) == -1 || bits > PREFIX_ALL - mapped)
		return failure(f, "no such address or prefix");
	if (bits != BITS_NONE)
		p.bits = (unsigned)(mapped + bits);
	list->entries[list->count].prefix = p;
	list->entries[list->count++].denies = list->denies;
	return 0;
}

/* Every address of host. */
static int
add_host(struct access_list *list, const char *host, const struct extension *x,
    struct failure *f)
{
	struct prefix numeric;
	const struct addrinfo hints = {
	    .ai_family = prefix_parse(&numeric, host) == 0 ? AF_UNSPEC
							   : x->family,
	    .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai, *p;
	int rc;

	rc = getaddrinfo(host, NULL, &hints, &ai);
	if (rc != 0)
		return failure(f, "%s: %s", host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (p = ai; p != NULL && rc == 0; p = p->ai_next)
		rc = add_address(list, p->ai_addr, x->bits, f);
	if (rc == -1)
		failure_prefix(f, "%s: ", host);
	freeaddrinfo(ai);
	return rc;
}

int
access_add(
    struct access_list *list, const char *word, int family, struct failure *f)
{
	struct extension x = {BITS_NONE, family};
	char text[NETADDR_HOST_MAX + 32], *slash;

	if (strcmp(word, "!") == 0) {
		list->denies = !list->denies;
		return 0;
	}
	if (strlen(word) >= sizeof(text))
		return failure(f, "an allowed host is too long");
	strcpy(text, word);
	slash = strchr(text, '/');
	if (slash != NULL) {
		*slash = '\0';
		if (parse_extensions(&x, slash + 1, f) == -1)
			return -1;
	}
	return add_host(list, text, &x, f);
}

int
access_allows(const struct access_list *list, const struct sockaddr *client)
{
	struct prefix address;

	if (list->count == 0 && !list->denies)
		return 1;
	if (prefix_of(&address, client) == -1)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		if (prefix_holds(&list->entries[i].prefix, &address))
			return !list->entries[i].denies;
	return list->denies;
}
