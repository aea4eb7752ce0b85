/*
 * The request head (handlers/http/head.c): what is accepted is forwarded as a
 * head that means the same, with one X-Forwarded-For, the relay's, and with
 * X-Bare where the relay says so.
 */
#include "fuzz.h"
#include "http/head.h"

#include <string.h>

#define HOST "192.0.2.7"

/* The next field that is neither of these; counts X-Forwarded-For. */
static int
next_other(const struct head *head, const char *buf, size_t *at,
    struct head_field *f, unsigned *nforwarded)
{
	while (head_next_field(head, buf, at, f)) {
		if (head_field_is(f, "X-Forwarded-For"))
			++*nforwarded;
		else if (!head_field_is(f, "X-Bare"))
			return 1;
	}
	return 0;
}

static void
compare_fields(const struct head *a, const char *abuf, const struct head *b,
    const char *bbuf)
{
	struct head_field fa, fb;
	unsigned given = 0, written = 0;
	size_t at = 0, bt = 0;

	while (next_other(a, abuf, &at, &fa, &given)) {
		MUST(next_other(b, bbuf, &bt, &fb, &written));
		MUST(fa.name_len == fb.name_len &&
		     memcmp(fa.name, fb.name, fa.name_len) == 0);
		MUST(fa.value_len == fb.value_len &&
		     memcmp(fa.value, fb.value, fa.value_len) == 0);
	}
	MUST(!next_other(b, bbuf, &bt, &fb, &written));
	MUST(written == 1);
}

static void
forward(const struct head *head, const char *buf)
{
	char *out = malloc(HEAD_FORWARD_MAX);
	struct head again;
	size_t n;

	MUST(out != NULL);
	n = head_forward(head, buf, HOST, out);
	MUST(n <= HEAD_FORWARD_MAX);
	MUST(head_parse(&again, out, n, HEAD_FORWARD_MAX) == HEAD_DONE);
	MUST(again.length == n && again.start == 0);
	MUST(again.kind == head->kind && again.agent == head->agent);
	MUST(again.has_host == head->has_host &&
	     again.takes_body == head->takes_body);
	MUST(strcmp(again.service, head->service) == 0);
	MUST(strcmp(again.forwarded_for, HOST) == 0);
	MUST(again.seal == head->seal && !again.bare);
	compare_fields(head, buf, &again, out);
	n = head_mark(out, n);
	MUST(n <= HEAD_FORWARD_MAX);
	MUST(head_parse(&again, out, n, HEAD_FORWARD_MAX) == HEAD_DONE);
	MUST(again.length == n && again.bare);
	compare_fields(head, buf, &again, out);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *buf = malloc(size + 1);
	enum head_result rc;
	struct head head, less;

	MUST(buf != NULL);
	memcpy(buf, data, size);
	rc = head_parse(&head, buf, size, HEAD_MAX_BYTES);
	if (rc == HEAD_BAD)
		MUST(head.reason != NULL &&
		     (head.status == 400 || head.status == 431));
	if (rc == HEAD_DONE) {
		MUST(head.length <= size && head.length <= HEAD_MAX_BYTES);
		MUST(head_parse(&less, buf, head.length - 1, HEAD_MAX_BYTES) ==
		     HEAD_MORE);
		MUST(head_parse(&less, buf, head.length, HEAD_MAX_BYTES) ==
		     HEAD_DONE);
		forward(&head, buf);
	}
	head_parse(&head, buf, size, HEAD_FORWARD_MAX);
	free(buf);
	return 0;
}
