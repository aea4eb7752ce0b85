/* The TLS handshake with the relay. See check.h. */
#include "base/deadline.h"
#include "base/program.h"
#include "check/check.h"
#include "check/distrust.h"
#include "check/names.h"
#include "tls/client.h"

#include <errno.h>
#include <string.h>

#define HANDSHAKE_MS 10000

/* What stands in OpenSSL's reason where the other end spoke something else. */
static int
is_no_tls(const char *reason)
{
	static const char *const words[] = {"wrong version number",
	    "packet length too long", "record layer failure", "http request",
	    "unknown protocol"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(reason, words[i]) != NULL)
			return 1;
	return 0;
}

/* The handshake failed, but not for the relay's certificate. */
static void
say_failed(const char *reason, const char *host, struct check_line *line)
{
	if (is_no_tls(reason))
		check_fail(line, EX_PROTOCOL,
		    "see whether the port is right: a relay speaks TLS from "
		    "the first byte",
		    "what listens at %s does not speak TLS, as a web server "
		    "without it: %s",
		    host, reason);
	else if (strstr(reason, "alert") != NULL)
		check_fail(line, EX_NOPERM,
		    "ask the relay's owner: the relay's log says why "
		    "(tls-refused)",
		    "%s refuses the handshake: %s", host, reason);
	else
		check_fail(line, EX_UNAVAILABLE,
		    "a firewall on the way may let no TLS pass to there, or "
		    "the relay is overloaded or stops: its log says more",
		    "%s breaks off the handshake: %s", host, reason);
}

static const char *
group_name(SSL *ssl)
{
	const char *name = SSL_group_to_name(
	    ssl, (int)SSL_get_negotiated_group(ssl));

	return name != NULL ? name : "no group";
}

static void
say_done(struct check *c, const struct check_seen *seen, SSL *ssl,
    struct check_line *line)
{
	char issuer[CHECK_NAME_MAX] = "";

	check_name_of(
	    X509_get_issuer_name(SSL_get0_peer_certificate(ssl)), issuer);
	if (seen->asked)
		check_ok(line, "%s, %s, %s, the relay's certificate is of %s",
		    SSL_get_version(ssl), group_name(ssl),
		    SSL_get_cipher_name(ssl), issuer);
	else if (check_is_intercepted(seen))
		check_intercepted(seen, c->server_name, line);
	else
		check_fail(line, EX_PROTOCOL,
		    "see whether host and port are right; if they are, "
		    "something on the way, such as a company's proxy, opens "
		    "TLS: ask for an exception for this host",
		    "%s asks for no client certificate: it is a web server, "
		    "not a relay (its certificate is of %s)",
		    c->server_name, issuer);
}

void
check_step_tls(struct check *c, struct check_line *line)
{
	struct check_seen seen = {.error = X509_V_OK};
	struct failure f;
	SSL *ssl = tls_client_start(c->tls, c->fd, c->server_name);

	if (ssl == NULL) {
		tls_error_text(&f);
		check_fail(line, EX_SOFTWARE, "see the text", "%s", f.text);
		return;
	}
	check_seen_watch(&seen, ssl);
	channel_tls(&c->relay, ssl);
	c->fd = -1; /* it is the channel's */
	if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), &f) == 0)
		say_done(c, &seen, ssl, line);
	else if (seen.error != X509_V_OK)
		check_distrust(&seen, c->tls, c->server_name, line);
	else
		say_failed(f.text, c->server_name, line);
	check_seen_free(&seen);
}
