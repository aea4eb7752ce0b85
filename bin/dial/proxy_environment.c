/* The environment's proxy: see proxy_environment.h. */
#define _GNU_SOURCE
#include "dial/proxy_environment.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int
keep(const char **kept, const char *lower, const char *upper)
{
	const char *value = getenv(lower);

	if (value == NULL)
		value = getenv(upper);
	*kept = NULL;
	if (value == NULL || *value == '\0')
		return 0;
	*kept = strdup(value);
	return *kept == NULL ? -1 : 0;
}

int
proxy_environment_keep(struct proxy_environment *env)
{
	if (keep(&env->url, "https_proxy", "HTTPS_PROXY") == -1)
		return -1;
	return keep(&env->bypass, "no_proxy", "NO_PROXY");
}

/* Undoes %XX in place. Returns 0, or -1 where that is malformed. */
static int
undo_percent(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		unsigned byte;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (strspn(s + 1, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(s + 1, "%2x", &byte) != 1 || byte == 0)
			return -1;
		*out++ = (char)byte;
		s += 2;
	}
	*out = '\0';
	return 0;
}

/* "user[:password]" of a URL, len bytes */
static int
set_userinfo(struct proxy *p, const char *at, size_t len)
{
	char text[SECRET_MAX];
	int rc = -1;

	if (len < sizeof(text) - 1) {
		memcpy(text, at, len);
		text[len] = '\0';
		if (strchr(text, ':') == NULL)
			strcat(text, ":");
		if (undo_percent(text) == 0)
			rc = proxy_set_credentials(p, text);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

/* "host[:port]" of a URL; the port of http is 80 */
static int
set_authority(struct proxy *p, const char *at, struct failure *f)
{
	size_t len = strcspn(at, "/?#");
	const char *bracket = memchr(at, ']', len);
	char text[NETADDR_HOST_MAX + NETADDR_PORT_MAX];
	int has_port;

	if (len + 4 > sizeof(text))
		return failure(f, "https_proxy: its host is too long");
	has_port = memchr(bracket != NULL ? bracket : at, ':',
		       bracket != NULL ? len - (size_t)(bracket - at) : len) !=
		   NULL;
	snprintf(
	    text, sizeof(text), "%.*s%s", (int)len, at, has_port ? "" : ":80");
	return netaddr_parse(&p->addr, text, f);
}

int
proxy_from_environment(
    struct proxy *p, const struct proxy_environment *env, struct failure *f)
{
	static const char http[] = "http://";
	const char *at = env->url, *userinfo_end;

	memset(p, 0, sizeof(*p));
	if (at == NULL)
		return 0;
	p->bypass = env->bypass;
	if (strncasecmp(at, http, strlen(http)) == 0)
		at += strlen(http);
	else if (strstr(at, "://") != NULL)
		return failure(
		    f, "https_proxy: only proxies of http:// are served");
	userinfo_end = memrchr(at, '@', strcspn(at, "/?#"));
	if (userinfo_end != NULL) {
		if (set_userinfo(p, at, (size_t)(userinfo_end - at)) == -1)
			return failure(
			    f, "https_proxy: malformed user or password");
		at = userinfo_end + 1;
	}
	return set_authority(p, at, f);
}
