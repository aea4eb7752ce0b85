/* The proxy before the relays: see proxy.h. */
#include "stone/proxy.h"
#include "dial/proxy_option.h"
#include "stone/named_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "host:port", or "host:port,file" */
static int
read_option(
    struct proxy *proxy, const struct stone_conf *conf, struct failure *f)
{
	const char *comma = strchr(conf->proxy, ',');
	char *place = strdup(conf->proxy), *path = NULL;
	int rc = -1;

	if (comma != NULL)
		path = stone_named_file(conf->proxy_file, comma + 1);
	if (place == NULL || (comma != NULL && path == NULL)) {
		failure(f, "%s", strerror(errno));
	} else {
		place[strcspn(place, ",")] = '\0';
		rc = proxy_from_option(proxy, place, "", f);
	}
	if (rc == 0 && path != NULL)
		rc = proxy_credentials(proxy, path, "", f);
	free(place);
	free(path);
	return rc;
}

int
stone_proxy_read(struct proxy *proxy, const struct stone_conf *conf,
    const struct proxy_environment *env, struct failure *f)
{
	if (conf->proxy == NULL)
		return proxy_from_environment(proxy, env, f);
	if (read_option(proxy, conf, f) == 0)
		return 0;
	failure_prefix(f, "-x ");
	return stone_words_locate(f, conf->proxy_file, conf->proxy_line);
}
