/*
 * Stone's language, as relay-stone reads it (bin/stone/words.c, stone/conf.c,
 * stone/endpoint.c, stone/request.c): forwards that can be used, or a reason.
 */
#include "base/failure.h"
#include "fuzz.h"
#include "http/head.h"
#include "stone/conf.h"
#include "stone/request.h"

#include <string.h>

static void
check_forward(const struct stone_forward *f)
{
	struct failure why;
	char text[512], request[HEAD_MAX_BYTES], authority[HEAD_SERVICE_MAX];
	size_t n;

	MUST(f->tls.warp.text != NULL || f->relays.n > 0);
	MUST(f->relays.n <= RELAYS_MAX);
	for (size_t i = 0; i < f->relays.n; i++)
		MUST(f->relays.list[i].host[0] != '\0' &&
		     f->relays.list[i].port[0] != '\0');
	relays_text(&f->relays, text, sizeof(text));
	MUST(f->tls.warp.text != NULL ||
	     (f->tls.key.text != NULL && f->tls.cert.text != NULL));
	stone_endpoint_text(&f->listen, text, sizeof(text));
	MUST(stone_endpoint_same(&f->listen, &f->listen));
	n = stone_request_write(
	    request, f->request, "[2001:db8:1111:2222:3333:4444:5555:6666]:1");
	MUST(n >= 4 && n <= sizeof(request));
	if (stone_request_check_shared(f->request, &why) == -1) {
		MUST(f->sessions == 0 && *why.text != '\0');
		return;
	}
	n = stone_request_write_shared(request, f->request, authority);
	MUST(n <= sizeof(request) && *authority != '\0');
	MUST(memcmp(request + n - 4, "\r\n\r\n", 4) == 0);
}

/* As the command line has them: words as they are */
static void
from_argv(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), *argv[] = {NULL, text, NULL};
	struct stone_words words;
	struct failure f;

	MUST(stone_words_from_argv(&words, 2, argv, &f) == 0);
	MUST(words.count == 1 && words.list[0].text == text);
	stone_words_free(&words);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stone_conf conf;
	const char *path = fuzz_file(data, size);
	struct stone_words words;
	struct failure f = {.text = ""};
	size_t next = 0;
	int rc;

	memset(&conf, 0, sizeof(conf));
	from_argv(data, size);
	if (stone_words_from_file(&words, size == 0 ? "/nowhere" : path, &f) ==
	    -1) {
		MUST(*f.text != '\0');
		return 0;
	}
	/* as words of the command line, and as those of a file */
	if (size % 2 == 1)
		words.file = NULL;
	rc = stone_conf_options(&conf, &words, &next, &f);
	if (rc == 0)
		rc = stone_conf_forwards(&conf, &words, next, &f);
	MUST(conf.nforwards <= STONE_FORWARDS_MAX);
	for (size_t i = 0; i < conf.nforwards; i++)
		check_forward(&conf.forwards[i]);
	MUST(rc == 0 || *f.text != '\0');
	stone_words_free(&words);
	return 0;
}
