/* The request and its escapes: see request.h. */
#include "stone/request.h"
#include "base/netaddr.h"
#include "mux/mux.h"

#include <stdio.h>
#include <string.h>

static const char end[] = "\r\n\r\n";

int
stone_request_check(const char *text, struct failure *f)
{
	size_t len = sizeof(end) - 1;

	for (const char *p = text; *p != '\0'; p++) {
		len++;
		if (*p != '\\' || p[1] == '\0')
			continue;
		p++;
		if (*p == 'a' || *p == 'A')
			len += NETADDR_TEXT_MAX;
		else if (strchr("dDuUgG?0123456789", *p) != NULL)
			return failure(f,
			    "the escape \\%c in a request is not served", *p);
	}
	if (*text == '\0')
		failure(f, "the request is empty");
	else if (len > HEAD_MAX_BYTES)
		failure(
		    f, "the request is longer than %d bytes", HEAD_MAX_BYTES);
	else
		return 0;
	return -1;
}

/* Writes what \c stands for. Returns its length. */
static size_t
write_escape(char *out, char c, const char *peer)
{
	char host[NETADDR_TEXT_MAX];

	switch (c) {
	case 'a':
		netaddr_host(peer, host);
		peer = host;
		/* fallthrough */
	case 'A':
		return (size_t)(stpcpy(out, peer) - out);
	case 'n':
		c = '\n';
		break;
	case 'r':
		c = '\r';
		break;
	case 't':
		c = '\t';
		break;
	}
	*out = c;
	return 1;
}

size_t
stone_request_write(
    char out[static HEAD_MAX_BYTES], const char *text, const char *peer)
{
	size_t len = 0;

	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\\' && p[1] != '\0')
			len += write_escape(out + len, *++p, peer);
		else
			out[len++] = *p;
	memcpy(out + len, end, sizeof(end) - 1);
	return len + sizeof(end) - 1;
}

size_t
stone_request_write_with(char out[static HEAD_MAX_BYTES], const char *text,
    const char *peer, const char *field)
{
	const size_t len = stone_request_write(out, text, peer);
	const size_t more = strlen(field);
	char *empty_line = out + len - strlen("\r\n");

	if (len + more > HEAD_MAX_BYTES)
		return 0;
	memcpy(empty_line, field, more);
	memcpy(empty_line + more, "\r\n", strlen("\r\n"));
	return len + more;
}

int
stone_request_check_shared(const char *text, struct failure *f)
{
	char head[HEAD_MAX_BYTES];

	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '\\' || p[1] == '\0')
			continue;
		p++;
		if (*p != 'a' && *p != 'A')
			continue;
		return failure(f,
		    "the request has \\%c, and its sessions are of no one "
		    "client",
		    *p);
	}
	if (stone_request_write(head, text, "") + strlen(MUX_FIELD) <=
	    HEAD_MAX_BYTES)
		return 0;
	return failure(f, "the request leaves no room for %s", MUX_NAME);
}

int
stone_request_may_share(const char *text)
{
	char buf[HEAD_MAX_BYTES];
	struct failure f;
	struct head head;
	size_t len;

	if (stone_request_check_shared(text, &f) == -1)
		return 0;
	len = stone_request_write(buf, text, "");
	return head_parse(&head, buf, len, sizeof(buf)) == HEAD_DONE &&
	       head.kind == HEAD_STONE && !head.has_host;
}

size_t
stone_request_write_shared(char out[static HEAD_MAX_BYTES], const char *text,
    char authority[static HEAD_SERVICE_MAX])
{
	/* stone_request_check_shared has seen to the room */
	const size_t len = stone_request_write_with(out, text, "", MUX_FIELD);
	struct head head;

	if (head_parse(&head, out, len, HEAD_MAX_BYTES) == HEAD_DONE &&
	    head.service[0] != '\0')
		strcpy(authority, head.service);
	else
		strcpy(authority, MUX_PLAIN_AUTHORITY);
	return len;
}
