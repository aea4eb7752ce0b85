/* A request's head on its way to a web server: see head.h. */
#include "web/head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where the head is written. */
struct output {
	char *at;
	size_t used;
};

static void
add(struct output *o, const char *text, size_t len)
{
	memcpy(o->at + o->used, text, len);
	o->used += len;
}

/* The request line without its end; it lasts to the first CR or LF. */
static size_t
request_line(const struct head *head, const char *buf)
{
	size_t len = 0;

	while (buf[head->start + len] != '\r' && buf[head->start + len] != '\n')
		len++;
	return len;
}

/* "http://other/" would speak louder than the Host that is set. */
static int
is_absolute(const char *line, size_t len)
{
	const char *target = memchr(line, ' ', len);

	return target != NULL && target[1] != '/' && target[1] != '*';
}

static int
is_http_10(const char *line, size_t len)
{
	static const char version[] = "HTTP/1.0";
	const size_t n = sizeof(version) - 1;

	return len >= n && memcmp(line + len - n, version, n) == 0;
}

static size_t
refuse(int *status, const char **reason, int code, const char *why)
{
	*status = code;
	*reason = why;
	return 0;
}

/* What the library lets pass and a server might read in two ways. */
static const char *
ambiguity(const struct head *head, const char *buf, int http_10)
{
	unsigned hosts = 0, codings = 0;
	struct head_field f;
	size_t at = 0;

	while (head_next_field(head, buf, &at, &f)) {
		if (head_field_is(&f, "Host") && ++hosts > 1)
			return "Host is given twice";
		if (!head_field_is(&f, "Transfer-Encoding"))
			continue;
		if (http_10)
			return "Transfer-Encoding in an HTTP/1.0 request";
		if (++codings > 1 || f.value_len != strlen("chunked") ||
		    strncasecmp(f.value, "chunked", f.value_len) != 0)
			return "Transfer-Encoding is not just chunked";
	}
	return NULL;
}

static int
is_dropped(const struct web_rules *rules, const struct head_field *f)
{
	return head_field_is(f, "X-Forwarded-For") ||
	       head_field_is(f, "X-Service") ||
	       (rules->host != NULL && head_field_is(f, "Host"));
}

size_t
web_head_write(const struct web_rules *rules, const struct head *head,
    const char *buf, char out[static WEB_HEAD_MAX], int *status,
    const char **reason)
{
	const char *line = buf + head->start, *why;
	size_t len = request_line(head, buf), at = 0;
	struct output o = {out, 0};
	struct head_field f;

	why = ambiguity(head, buf, is_http_10(line, len));
	if (why != NULL)
		return refuse(status, reason, 400, why);
	if (rules->host != NULL && is_absolute(line, len))
		return refuse(status, reason, 400, "Absolute request target");
	if (head->service[0] != '\0' &&
	    strcasecmp(head->service, rules->service) != 0)
		return refuse(status, reason, 421,
		    "This connection is another service's");
	add(&o, line, len);
	add(&o, "\r\n", 2);
	if (rules->host != NULL)
		o.used += (size_t)snprintf(out + o.used, WEB_HEAD_MAX - o.used,
		    "Host: %s\r\n", rules->host);
	while (head_next_field(head, buf, &at, &f)) {
		if (is_dropped(rules, &f))
			continue;
		add(&o, f.name, f.name_len);
		add(&o, ": ", 2);
		add(&o, f.value, f.value_len);
		add(&o, "\r\n", 2);
	}
	if (rules->forwarded_for[0] != '\0')
		o.used += (size_t)snprintf(out + o.used, WEB_HEAD_MAX - o.used,
		    "X-Forwarded-For: %s\r\n", rules->forwarded_for);
	add(&o, "\r\n", 2);
	return o.used;
}
