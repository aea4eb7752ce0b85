/* The web server's answers: see answers.h. */
#include "web/answers.h"

#include <string.h>

static int
on_message_begin(llhttp_t *parser)
{
	struct web_answers *a = parser->data;

	a->within = 1;
	return 0;
}

static int
on_headers_complete(llhttp_t *parser)
{
	struct web_answers *a = parser->data;

	/* an answer to nothing, as at the end of a server's patience */
	if (a->npending == 0)
		return 0;
	if (parser->status_code == 101 && a->pending[0].upgrade) {
		a->verdict = WEB_UPGRADED;
		return 2; /* stop here */
	}
	if (parser->status_code >= 200 && a->pending[0].upgrade)
		a->verdict = WEB_NOT_UPGRADED;
	return a->pending[0].head_only; /* 1: no body */
}

static int
on_message_complete(llhttp_t *parser)
{
	struct web_answers *a = parser->data;

	a->within = 0;
	if (parser->status_code < 200 || a->npending == 0)
		return 0;
	a->npending--;
	memmove(a->pending, a->pending + 1, a->npending * sizeof(*a->pending));
	return 0;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

void
web_answers_init(struct web_answers *a)
{
	memset(a, 0, sizeof(*a));
	llhttp_init(&a->parser, HTTP_RESPONSE, &settings);
	a->parser.data = a;
}

int
web_answers_room(const struct web_answers *a)
{
	return a->blind || a->npending < WEB_PENDING_MAX;
}

void
web_answers_expect(struct web_answers *a, const struct web_asked *asked)
{
	a->verdict = WEB_UNDECIDED;
	if (!a->blind)
		a->pending[a->npending++] = *asked;
}

void
web_answers_see(struct web_answers *a, const char *buf, size_t len)
{
	if (a->blind || a->verdict == WEB_UPGRADED)
		return;
	if (llhttp_execute(&a->parser, buf, len) == HPE_OK ||
	    a->verdict == WEB_UPGRADED)
		return;
	web_answers_end(a);
}

void
web_answers_end(struct web_answers *a)
{
	a->blind = 1;
	/* a web server that can't be followed has not agreed to anything */
	if (a->verdict == WEB_UNDECIDED)
		a->verdict = WEB_NOT_UPGRADED;
}

int
web_answers_idle(const struct web_answers *a)
{
	return !a->blind && a->npending == 0 && !a->within;
}

int
web_answers_await_last(const struct web_answers *a)
{
	return !a->blind && a->npending == 1 && !a->within;
}
