/* A target: see target.h. */
#include "agent/target.h"
#include "dial/dial.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define UNIX_PREFIX "unix:"

static int
is_unix(const char *word)
{
	return strncmp(word, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

static int
set_service(struct target *t, const char *word, size_t len, struct failure *f)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (len == 0 || len >= sizeof(t->service) ||
	    strspn(word, allowed) != len)
		return failure(f,
		    "%.*s: a service's name is 1 to %zu letters, digits, "
		    "dots, dashes or underscores",
		    (int)len, word, sizeof(t->service) - 1);
	memcpy(t->service, word, len);
	return 0;
}

static int
set_path(struct target *t, const char *path, struct failure *f)
{
	size_t len = strlen(path);

	if (*path != '/' || len >= sizeof(t->path))
		return failure(f,
		    "%s: not an absolute path of at most %zu bytes", path,
		    sizeof(t->path) - 1);
	memcpy(t->path, path, len + 1);
	return 0;
}

int
target_parse(struct target *t, const char *word, struct failure *f)
{
	const char *equals = is_unix(word) ? NULL : strchr(word, '=');

	memset(t, 0, sizeof(*t));
	if (equals != NULL) {
		if (set_service(t, word, (size_t)(equals - word), f) == -1)
			return -1;
		word = equals + 1;
	}
	if (is_unix(word)) {
		if (set_path(t, word + strlen(UNIX_PREFIX), f) == -1)
			return -1;
	} else if (netaddr_parse(&t->addr, word, f) == -1) {
		return -1;
	}
	snprintf(t->text, sizeof(t->text), "%s", word);
	return 0;
}

const struct target *
target_find(const struct target *targets, size_t n, const char *service)
{
	if (*service == '\0')
		return n > 0 ? &targets[0] : NULL;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(targets[i].service, service) == 0)
			return &targets[i];
	return NULL;
}

int
target_dial(const struct target *t, int64_t deadline, struct failure *f)
{
	if (t->addr.host[0] == '\0')
		return dial_unix(t->path, deadline, f);
	return dial(&t->addr, deadline, f);
}
