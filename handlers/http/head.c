/* The request head: see head.h. */
#include "http/head.h"
#include "http/slice.h"

#include <stdio.h>
#include <string.h>

#define POLL_TARGET "/KLAB/poll"
#define KLAB_PREFIX "/KLAB/"
#define SEAL_PREFIX "1 "

static enum head_result
refuse(struct head *head, int status, const char *reason)
{
	head->status = status;
	head->reason = reason;
	return HEAD_BAD;
}

/* The bytes that an end of line takes at s, 0 where there is none. */
static size_t
end_of_line(const char *s, size_t len)
{
	if (len >= 1 && s[0] == '\n')
		return 1;
	return len >= 2 && s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

/* Sets start and length. Returns 0 while the empty line has not come. */
static int
find_end(struct head *head, const char *buf, size_t len)
{
	size_t at = 0, n;
	const char *lf;

	while ((n = end_of_line(buf + at, len - at)) > 0)
		at += n;
	head->start = at;
	while ((lf = memchr(buf + at, '\n', len - at)) != NULL) {
		at = (size_t)(lf - buf) + 1;
		n = end_of_line(lf + 1, len - at);
		if (n > 0) {
			head->length = at + n;
			return 1;
		}
	}
	return 0;
}

static const char *
bad_characters(struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.at[i];

		if (c == '\0')
			return "NUL in the request head";
		if (c == '\r')
			return "Bare CR in the request head";
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return "Control character in the request head";
	}
	return NULL;
}

/* What is kept of the lines until all are read. */
struct fields {
	int is_head_method; /* HEAD: its answer has no body */
	int has_version;
	struct slice version; /* X-Ver */
};

static enum head_result
parse_request_line(struct head *head, struct fields *f, struct slice line)
{
	const char *sp1 = memchr(line.at, ' ', line.len);
	const char *sp2 = sp1 == NULL
			      ? NULL
			      : memchr(sp1 + 1, ' ',
				    line.len - (size_t)(sp1 + 1 - line.at));
	struct slice method, target, version;

	if (sp2 == NULL)
		return refuse(head, 400, "Malformed request line");
	method = (struct slice){line.at, (size_t)(sp1 - line.at)};
	target = (struct slice){sp1 + 1, (size_t)(sp2 - sp1 - 1)};
	version = (struct slice){
	    sp2 + 1, line.len - (size_t)(sp2 + 1 - line.at)};
	if (!slice_is_token(method) || target.len == 0 ||
	    memchr(target.at, '\t', target.len) != NULL ||
	    (!slice_is(version, "HTTP/1.1") && !slice_is(version, "HTTP/1.0")))
		return refuse(head, 400, "Malformed request line");
	f->is_head_method = slice_is(method, "HEAD");
	head->kind = HEAD_STONE;
	if (!slice_is(method, "GET"))
		return HEAD_DONE;
	if (slice_is(target, POLL_TARGET))
		head->kind = HEAD_POLL;
	else if (slice_is(target, KLAB_PREFIX))
		head->kind = HEAD_PAGE;
	else if (target.len >= strlen(KLAB_PREFIX) &&
		 memcmp(target.at, KLAB_PREFIX, strlen(KLAB_PREFIX)) == 0)
		head->kind = HEAD_NOT_FOUND;
	return HEAD_DONE;
}

static enum head_result
parse_service(struct head *head, struct slice value)
{
	if (head->service[0] != '\0')
		return refuse(head, 400, "X-Service is given twice");
	if (value.len == 0 || value.len >= sizeof(head->service))
		return refuse(
		    head, 400, "X-Service is not of 1 to 63 characters");
	slice_copy(head->service, sizeof(head->service), value);
	return HEAD_DONE;
}

/* 1 to 16 hex digits, not all 0. Returns 0 where it is none. */
static uint64_t
parse_agent(struct slice value)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = 0;

	if (value.len > 16)
		return 0;
	for (size_t i = 0; i < value.len; i++) {
		const char *d = memchr(digits, value.at[i], 16);

		if (d == NULL)
			return 0;
		n = n << 4 | (uint64_t)(d - digits);
	}
	return n;
}

/* A version and base64 (RFC 4648 4); what that says is the agent's to read. */
static int
is_offer(struct slice value)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const size_t prefix = strlen(SEAL_PREFIX);
	size_t len = value.len;

	if (len <= prefix || (len - prefix) % 4 != 0 ||
	    memcmp(value.at, SEAL_PREFIX, prefix) != 0)
		return 0;
	while (len + 2 > value.len && value.at[len - 1] == '=')
		len--;
	for (size_t i = prefix; i < len; i++)
		if (memchr(alphabet, value.at[i], 64) == NULL)
			return 0;
	return 1;
}

static enum head_result
parse_seal(struct head *head, struct slice value)
{
	if (head->seal)
		return refuse(head, 400, "X-Seal is given twice");
	if (!is_offer(value))
		return refuse(head, 400, "X-Seal is not 1 and base64");
	head->seal = 1;
	return HEAD_DONE;
}

static enum head_result
parse_bare(struct head *head, struct slice value)
{
	if (head->bare)
		return refuse(head, 400, "X-Bare is given twice");
	if (!slice_is(value, "1"))
		return refuse(head, 400, "X-Bare is not 1");
	head->bare = 1;
	return HEAD_DONE;
}

static enum head_result
parse_park(struct head *head, struct slice value)
{
	if (head->park)
		return refuse(head, 400, "X-Park is given twice");
	if (!slice_is(value, "1"))
		return refuse(head, 400, "X-Park is not 1");
	head->park = 1;
	return HEAD_DONE;
}

static enum head_result
parse_field(struct head *head, struct fields *f, struct slice line)
{
	struct slice name, value;

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return refuse(head, 400, "Folded line in the request head");
	if (slice_split_field(line, &name, &value) == -1)
		return refuse(head, 400, "Malformed field in the request head");
	if (slice_is_field(name, "Host")) {
		head->has_host = 1;
		head->takes_body = !f->is_head_method;
	}
	if (slice_is_field(name, "X-Ver")) {
		if (f->has_version)
			return refuse(head, 400, "X-Ver is given twice");
		f->has_version = 1;
		f->version = value;
	}
	if (slice_is_field(name, "X-Agent") && head->kind == HEAD_POLL) {
		if (head->agent != 0)
			return refuse(head, 400, "X-Agent is given twice");
		head->agent = parse_agent(value);
		if (head->agent == 0)
			return refuse(
			    head, 400, "X-Agent is not 1 to 16 hex digits");
	}
	if (slice_is_field(name, "Accept"))
		head->takes_json = slice_is(value, "application/json");
	if (slice_is_field(name, "X-Check"))
		head->check = slice_is(value, "1");
	if (slice_is_field(name, "X-Forwarded-For"))
		slice_copy(
		    head->forwarded_for, sizeof(head->forwarded_for), value);
	if (slice_is_field(name, "X-Service"))
		return parse_service(head, value);
	if (slice_is_field(name, "X-Seal"))
		return parse_seal(head, value);
	if (slice_is_field(name, "X-Bare"))
		return parse_bare(head, value);
	if (slice_is_field(name, "X-Park") && head->kind == HEAD_POLL)
		return parse_park(head, value);
	return HEAD_DONE;
}

/* A poll must say the protocol's version, X-Ver's first word, and its own. */
static enum head_result
check_version(struct head *head, const struct fields *f)
{
	struct slice rest = f->version, word;

	if (head->kind != HEAD_POLL)
		return HEAD_DONE;
	if (!f->has_version)
		return refuse(
		    head, 400, "X-Ver is missing; this relay serves X-Ver 2");
	word = slice_next_word(&rest);
	if (!slice_is(word, "2"))
		return refuse(head, 400,
		    "X-Ver is not served; this relay serves X-Ver 2");
	slice_copy(
	    head->version, sizeof(head->version), slice_next_word(&rest));
	return HEAD_DONE;
}

static enum head_result
parse_lines(struct head *head, struct slice text, unsigned max_lines)
{
	struct fields f = {0};
	unsigned nlines = 0;

	while (text.len > 0) {
		struct slice line = slice_next_line(&text);
		const char *bad = bad_characters(line);
		enum head_result rc;

		if (line.len == 0)
			break; /* the empty line */
		if (++nlines > max_lines)
			return refuse(head, 431,
			    "More than 64 lines in the request head");
		if (bad != NULL)
			return refuse(head, 400, bad);
		rc = nlines == 1 ? parse_request_line(head, &f, line)
				 : parse_field(head, &f, line);
		if (rc != HEAD_DONE)
			return rc;
	}
	return check_version(head, &f);
}

enum head_result
head_parse(struct head *head, const char *buf, size_t len, size_t max)
{
	struct slice text;

	memset(head, 0, sizeof(*head));
	if (!find_end(head, buf, len < max ? len : max))
		return len < max ? HEAD_MORE
				 : refuse(head, 431,
				       "Request head longer than 8 KiB");
	text.at = buf + head->start;
	text.len = head->length - head->start;
	/* a relay adds two lines */
	return parse_lines(head, text,
	    max > HEAD_MAX_BYTES ? HEAD_MAX_LINES + 2 : HEAD_MAX_LINES);
}

int
head_field_is(const struct head_field *field, const char *name)
{
	return slice_is_field(
	    (struct slice){field->name, field->name_len}, name);
}

int
head_next_field(const struct head *head, const char *buf, size_t *at,
    struct head_field *field)
{
	struct slice text, name, value;

	if (*at == 0) {
		text = (struct slice){
		    buf + head->start, head->length - head->start};
		slice_next_line(&text); /* the request line */
		*at = (size_t)(text.at - buf);
	}
	/* the empty line is there, and is no field */
	text = (struct slice){buf + *at, head->length - *at};
	if (slice_split_field(slice_next_line(&text), &name, &value) == -1)
		return 0;
	*at = (size_t)(text.at - buf);
	*field = (struct head_field){name.at, value.at, name.len, value.len};
	return 1;
}
