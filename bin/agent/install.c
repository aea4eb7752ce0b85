/* relayagent --install: see install.h. */
#include "agent/install.h"
#include "base/program.h"
#include "warp/service.h"
#include "warp/warp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef AGENT_USER
#define AGENT_USER "vpn-warp-agent"
#endif

static int
is_warp(const struct agent_word *word)
{
	return word->option == 'f' ||
	       (word->option == AGENT_ARGUMENT && warp_is_name(word->value));
}

/* Whether a word names a file beside that one. */
static int
names_file(const struct agent_word *word)
{
	switch (word->option) {
	case 'k':
	case 'c':
	case 'a':
	case 'X':
	case AGENT_PASSFILE:
	case AGENT_PEERS:
		return 1;
	case 'x':
		return strchr(word->value, ',') != NULL;
	default:
		return 0;
	}
}

/* A line of the file for a word. */
static void
write_word(
    FILE *out, const struct warp_service *s, const struct agent_word *word)
{
	if (is_warp(word))
		fprintf(out, "-f %s.warp\n", s->name);
	else if (word->option == AGENT_ARGUMENT)
		fprintf(out, "%s\n", word->value);
	else if (names_file(word))
		warp_service_no_further(s, agent_words_name(word));
	else
		fprintf(out, "%s%s%s\n", agent_words_name(word),
		    word->value != NULL ? " " : "",
		    word->value != NULL ? word->value : "");
}

static const char *
find_warp(const struct agent_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (is_warp(&words->list[i]))
			return words->list[i].value;
	return NULL;
}

int
agent_install(const struct agent_source *source)
{
	struct agent_words words;
	struct warp_service s;
	struct agent_run run;
	struct failure f;
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	warp_service_begin(&s, "relayagent", AGENT_USER);
	if (agent_words_read(&words, &run, source->argc, source->argv,
		source->base, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	warp_service_take(&s, words.file == NULL ? find_warp(&words) : NULL);
	out = open_memstream(&text, &len);
	if (out == NULL)
		program_fail(EX_OSERR, "out of memory");
	for (size_t i = 0; i < words.count; i++)
		write_word(out, &s, &words.list[i]);
	if (fclose(out) == EOF)
		program_fail(EX_OSERR, "out of memory");
	warp_service_install(&s, text, len);
	free(text);
	agent_words_free(&words);
	return EX_OK;
}
