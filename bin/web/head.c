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

/* ---- what is for one hop (RFC 9110 7.6.1, 7.8) ---- */

/* What the request may ask of the web server's connection. */
struct hop {
	const struct web_rules *rules;
	int upgrades; /* it asks for one that is allowed */
	int h2c;      /* of these: HTTP/2, which brings HTTP2-Settings along */
};

static int
is_word(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(at, word, len) == 0;
}

/* A list of several is not looked into, and as good as none. */
static int
is_allowed(const struct web_rules *rules, const struct head_field *f)
{
	const struct web_upgrades *u = rules->upgrades;

	if (is_word(f->value, f->value_len, "websocket"))
		return 1;
	for (size_t i = 0; u != NULL && i < u->n; i++)
		if (is_word(f->value, f->value_len, u->names[i]))
			return 1;
	return 0;
}

static struct hop
find_upgrades(
    const struct web_rules *rules, const struct head *head, const char *buf)
{
	struct hop hop = {.rules = rules};
	struct head_field f;
	size_t at = 0;

	while (head_next_field(head, buf, &at, &f)) {
		if (!head_field_is(&f, "Upgrade") || !is_allowed(rules, &f))
			continue;
		hop.upgrades = 1;
		hop.h2c |= is_word(f.value, f.value_len, "h2c");
	}
	return hop;
}

/* Others would have the web server drop a field, as X-Forwarded-For. */
static int
is_kept(const struct hop *hop, const char *option, size_t len)
{
	return is_word(option, len, "close") ||
	       is_word(option, len, "keep-alive") ||
	       is_word(option, len, "TE") ||
	       (hop->upgrades && is_word(option, len, "upgrade")) ||
	       (hop->h2c && is_word(option, len, "HTTP2-Settings"));
}

/* Writes what is kept of the field, which is not longer; else nothing. */
static void
add_connection(
    struct output *o, const struct hop *hop, const struct head_field *f)
{
	const char *at = f->value, *end = f->value + f->value_len;
	const char *before = "Connection: ";
	size_t len;

	for (; at < end; at += len + (at + len < end)) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *word = at;
		size_t n = len = (size_t)((comma == NULL ? end : comma) - at);

		for (; n > 0 && (*word == ' ' || *word == '\t'); n--)
			word++;
		while (n > 0 && (word[n - 1] == ' ' || word[n - 1] == '\t'))
			n--;
		if (!is_kept(hop, word, n))
			continue;
		add(o, before, strlen(before));
		add(o, word, n);
		before = ",";
	}
	if (*before == ',')
		add(o, "\r\n", 2);
}

/* To many a server "_" in a name is as good as "-". */
static int
is_ours(const struct head_field *f, const char *name)
{
	if (f->name_len != strlen(name))
		return 0;
	for (size_t i = 0; i < f->name_len; i++)
		if (strncasecmp(f->name + i, name + i, 1) != 0 &&
		    (f->name[i] != '_' || name[i] != '-'))
			return 0;
	return 1;
}

/* What stone, relay and agent say to each other is nothing to a web server. */
static int
is_dropped(const struct hop *hop, const struct head_field *f)
{
	return is_ours(f, "X-Forwarded-For") || is_ours(f, "X-Service") ||
	       is_ours(f, "X-Seal") || is_ours(f, "X-Bare") ||
	       (hop->rules->host != NULL && head_field_is(f, "Host")) ||
	       (head_field_is(f, "Upgrade") && !is_allowed(hop->rules, f)) ||
	       (head_field_is(f, "HTTP2-Settings") && !hop->h2c);
}

static void
add_field(struct output *o, const struct hop *hop, const struct head_field *f)
{
	if (is_dropped(hop, f))
		return;
	if (head_field_is(f, "Connection")) {
		add_connection(o, hop, f);
		return;
	}
	add(o, f->name, f->name_len);
	add(o, ": ", 2);
	add(o, f->value, f->value_len);
	add(o, "\r\n", 2);
}

/* ---- the head ---- */

size_t
web_head_write(const struct web_rules *rules, const struct head *head,
    const char *buf, char out[static WEB_HEAD_MAX], int *status,
    const char **reason)
{
	const char *line = buf + head->start, *why;
	size_t len = request_line(head, buf), at = 0;
	struct output o = {out, 0};
	struct head_field f;
	struct hop hop;

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
	hop = find_upgrades(rules, head, buf);
	while (head_next_field(head, buf, &at, &f))
		add_field(&o, &hop, &f);
	if (rules->forwarded_for[0] != '\0')
		o.used += (size_t)snprintf(out + o.used, WEB_HEAD_MAX - o.used,
		    "X-Forwarded-For: %s\r\n", rules->forwarded_for);
	add(&o, "\r\n", 2);
	return o.used;
}
