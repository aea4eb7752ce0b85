/* Addresses of targets: see resolve.h. */
#include "agent/resolve.h"
#include "base/deadline.h"
#include "dial/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define OLD_MS      30000  /* names move */
#define OLD_BUSY_MS 300000 /* but a look-up may take its time */
#define FAILED_MS   1000   /* between two for a target that is not there */

/* Returns 0, or what getaddrinfo(3) does. */
static int
look_up(struct resolved *found, const struct target *t)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct addrinfo *order[RESOLVE_MAX];
	struct addrinfo *list;
	int rc = getaddrinfo(t->addr.host, t->addr.port, &hints, &list);

	if (rc != 0)
		return rc;
	found->count = dial_order(list, order, RESOLVE_MAX);
	for (size_t i = 0; i < found->count; i++) {
		found->list[i].len = order[i]->ai_addrlen;
		memcpy(&found->list[i].sa, order[i]->ai_addr,
		    order[i]->ai_addrlen);
	}
	freeaddrinfo(list);
	return 0;
}

static void
set_path(struct resolved *found, const char *path)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&found->list[0].sa;

	sun->sun_family = AF_UNIX;
	strcpy(sun->sun_path, path); /* target_parse has seen to its length */
	found->list[0].len = sizeof(*sun);
	found->count = 1;
}

static int
is_good(const struct resolved *r, int busy)
{
	const int64_t age = deadline_now() - r->at;

	if (r->at == 0)
		return 0;
	if (r->failed || r->count == 0)
		return age < FAILED_MS;
	return age < (busy ? OLD_BUSY_MS : OLD_MS);
}

void
resolve_target(struct resolved *r, const struct target *t, int busy)
{
	int rc;

	if (is_good(r, busy))
		return;
	memset(r, 0, sizeof(*r));
	if (t->addr.host[0] == '\0') {
		set_path(r, t->path);
	} else if ((rc = look_up(r, t)) != 0) {
		snprintf(r->error, sizeof(r->error), "%s: %s", t->addr.host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	}
	r->at = deadline_now();
}
