/*
 * Requests on their way to a web server, and its answers (bin/web/request.c,
 * web/head.c, web/answers.c): what goes out parses again as requests with one
 * X-Forwarded-For, the relay's, and a Host that is the agent's.
 */
#include "fuzz.h"
#include "web/answers.h"
#include "web/request.h"

#include <string.h>

#define HOST   "intra.example"
#define CLIENT "192.0.2.7"

static void
check_head(const struct web_rules *rules, const char *out, size_t len)
{
	unsigned nhosts = 0, nforwarded = 0;
	struct head_field f;
	struct head head;
	enum head_result rc;
	size_t at = 0;

	rc = head_parse(&head, out, len, HEAD_FORWARD_MAX + WEB_HOST_MAX);
	/* with a Host of ours it may have a line more than we take ourselves */
	if (rc == HEAD_BAD && strncmp(head.reason, "More than 64", 12) == 0)
		return;
	MUST(rc == HEAD_DONE);
	MUST(head.service[0] == '\0');
	while (head_next_field(&head, out, &at, &f)) {
		nhosts += head_field_is(&f, "Host") != 0;
		nforwarded += head_field_is(&f, "X-Forwarded-For") != 0;
	}
	MUST(nhosts <= 1 && (rules->host == NULL || nhosts == 1));
	MUST(nforwarded == (rules->forwarded_for[0] != '\0'));
	MUST(strcmp(head.forwarded_for, rules->forwarded_for) == 0);
}

static void
take_answers(const struct web_asked *asked, struct fuzz_input in)
{
	static struct web_answers answers;
	char buf[64];
	size_t n;

	web_answers_init(&answers);
	if (web_answers_room(&answers))
		web_answers_expect(&answers, asked);
	while ((n = fuzz_bytes(&in, buf, sizeof(buf))) > 0) {
		web_answers_see(&answers, buf, n);
		MUST(answers.npending <= WEB_PENDING_MAX);
		MUST(!web_answers_idle(&answers) || answers.npending == 0);
		MUST(
		    !web_answers_await_last(&answers) || answers.npending == 1);
		if (fuzz_byte(&in) == '!' && web_answers_room(&answers))
			web_answers_expect(&answers, asked);
	}
	web_answers_end(&answers);
	MUST(!web_answers_idle(&answers));
	MUST(answers.verdict != WEB_UNDECIDED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct web_upgrades upgrades = {2, {"h2c", "example/1"}};
	static struct web_request w;
	static char out[WEB_OUTPUT_MIN];
	struct web_rules rules = {.forwarded_for = CLIENT, .service = "wiki"};
	struct fuzz_input in = {data, size};
	unsigned how = fuzz_byte(&in);
	size_t piece = 1 + fuzz_byte(&in) * 16UL, used;
	int more = 1;

	rules.host = (how & 1) != 0 ? HOST : NULL;
	if ((how & 32) != 0)
		rules.forwarded_for[0] = '\0';
	if ((how & 64) != 0)
		rules.upgrades = &upgrades;
	if ((how & 2) != 0)
		take_answers(
		    &(struct web_asked){(how & 4) != 0, (how & 8) != 0}, in);
	web_request_init(&w, &rules);
	while (more || w.len > 0) {
		size_t room = sizeof(w.buf) - w.len;
		size_t n = fuzz_bytes(
		    &in, w.buf + w.len, piece < room ? piece : room);
		enum web_moved moved;

		more = n > 0;
		w.len += n;
		moved = web_request_move(&w, out, sizeof(out), &used);
		MUST(used <= sizeof(out));
		if (moved == WEB_BEGUN)
			check_head(&rules, out, used);
		if (moved == WEB_STOP && w.phase == WEB_ASKED)
			web_request_answered(&w, (how & 16) != 0);
		else if (moved == WEB_STOP)
			break;
		if (moved == WEB_MORE && !more)
			break;
	}
	web_request_answered(&w, 0);
	if (w.phase == WEB_REFUSED) {
		MUST(web_request_move(&w, out, sizeof(out), &used) == WEB_STOP);
		MUST(w.reason != NULL && w.status >= 400);
	}
	return 0;
}
