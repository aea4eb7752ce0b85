/* The proxy of an option: see proxy_option.h. */
#include "dial/proxy_option.h"
#include "base/config_lines.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

int
proxy_credentials(
    struct proxy *p, const char *name, const char *conf, struct failure *f)
{
	char secret[SECRET_MAX], *path = config_lines_relative(conf, name);
	int rc;

	if (path == NULL)
		return failure(f, "%s: %s", name, strerror(errno));
	rc = secret_read(path, secret, f);
	if (rc == 0 && (rc = proxy_set_credentials(p, secret)) == -1)
		failure(f,
		    "%s: its first line is not "
		    "user:password",
		    path);
	OPENSSL_cleanse(secret, sizeof(secret));
	free(path);
	return rc;
}

int
proxy_from_option(
    struct proxy *p, const char *text, const char *conf, struct failure *f)
{
	const char *comma = strchr(text, ',');
	char place[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
	size_t len = comma != NULL ? (size_t)(comma - text) : strlen(text);

	memset(p, 0, sizeof(*p));
	if (len >= sizeof(place))
		return failure(f, "the proxy's host is too long");
	memcpy(place, text, len);
	place[len] = '\0';
	if (netaddr_parse(&p->addr, place, f) == -1 ||
	    netaddr_check_port(p->addr.port, f) == -1)
		return -1;
	if (comma == NULL)
		return 0;
	return proxy_credentials(p, comma + 1, conf, f);
}
