/* relay-stone --install: see install.h. */
#include "stone/install.h"
#include "base/program.h"
#include "warp/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef STONE_USER
#define STONE_USER "vpn-warp-stone"
#endif

#define PLAIN                                                                  \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/,"

struct writer {
	FILE *out;
	const struct warp_service *service;
	const struct forwards *set;
	size_t next; /* word of the command line */
};

static const char *
next_word(struct writer *w)
{
	return w->set->command_line.list[w->next++].text;
}

/* Of the file as it is named, and not of a request that ends alike. */
static int
is_warp(const struct forwards *set, const char *word)
{
	for (size_t i = 0; i < set->conf.nforwards; i++)
		if (set->conf.forwards[i].tls.warp.text == word)
			return 1;
	return 0;
}

/* What is not plain is written so that nothing in it is special. */
static void
write_plainly(struct writer *w, const char *word)
{
	if (is_warp(w->set, word))
		fprintf(w->out, "%s.warp", w->service->name);
	else if (strchr(word, '\'') != NULL)
		program_fail(EX_USAGE,
		    "--install: %s: a quote in it: write the configuration of "
		    "the service by hand",
		    word);
	else if (*word != '\0' && strspn(word, PLAIN) == strlen(word))
		fputs(word, w->out);
	else
		fprintf(w->out, "'%s'", word);
}

static int
names_file(const char *value)
{
	static const char *const words[] = {"key=", "cert=", "certkey=",
	    "CAfile=", "CApath=", "passfile=", "peers="};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strncmp(value, words[i], strlen(words[i])) == 0)
			return 1;
	return 0;
}

/* The letters of a word, with their values; how it runs is the unit's to say.
 */
static void
write_letters(struct writer *w, const char *letters)
{
	const char *value;

	for (; *letters != '\0'; letters++) {
		if (*letters == 'b') {
			fputs("-b", w->out);
			for (int i = 0; i < 3; i++) {
				fputc(' ', w->out);
				write_plainly(w, next_word(w));
			}
			fputc('\n', w->out);
			continue;
		}
		if (strchr("fqxP", *letters) == NULL)
			continue;
		value = next_word(w);
		if (*letters == 'P')
			continue;
		if ((*letters == 'q' && names_file(value)) ||
		    (*letters == 'x' && strchr(value, ',') != NULL))
			warp_service_no_further(w->service, value);
		fprintf(w->out, "-%c ", *letters);
		write_plainly(w, value);
		fputc('\n', w->out);
	}
}

static void
write_word(struct writer *w, const char *word)
{
	if (strcmp(word, "--install") == 0)
		return;
	if (strcmp(word, "--") == 0) {
		fputs("--\n", w->out);
	} else if (strcmp(word, "--sessions") == 0) {
		fprintf(w->out, "%s %s\n", word, next_word(w));
	} else if (*word == '-') {
		write_letters(w, word + 1);
	} else {
		write_plainly(w, word);
		fputc(' ', w->out);
	}
}

/* The one file of all forwards; NULL where there is not just one. */
static const char *
find_warp(const struct forwards *set)
{
	const char *first = set->conf.forwards[0].tls.warp.text, *other;

	for (size_t i = 1; i < set->conf.nforwards; i++) {
		other = set->conf.forwards[i].tls.warp.text;
		if (first == NULL || other == NULL || strcmp(first, other) != 0)
			return NULL;
	}
	return set->conf.file == NULL ? first : NULL;
}

int
stone_install(const struct forwards *set)
{
	struct warp_service s;
	struct writer w = {.service = &s, .set = set};
	char *text = NULL;
	size_t len = 0;

	warp_service_begin(&s, "relay-stone", STONE_USER);
	warp_service_take(&s, find_warp(set));
	w.out = open_memstream(&text, &len);
	if (w.out == NULL)
		program_fail(EX_OSERR, "out of memory");
	while (w.next < set->command_line.count)
		write_word(&w, next_word(&w));
	fputc('\n', w.out);
	if (fclose(w.out) == EOF)
		program_fail(EX_OSERR, "out of memory");
	warp_service_install(&s, text, len);
	free(text);
	return EX_OK;
}
