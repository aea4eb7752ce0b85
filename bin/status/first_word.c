/* The first word of a command line: see first_word.h. */
#include "status/first_word.h"
#include "base/program.h"

#include <stddef.h>
#include <string.h>

enum first_word
first_word_take(int *argc, char ***argv)
{
	static const char *const words[] = {
	    [WORD_CHECK] = "check",
	    [WORD_STATUS] = "status",
	    [WORD_METRICS] = "metrics",
	};
	enum first_word word = WORD_METRICS;

	if (*argc < 2)
		return WORD_NONE;
	while (word != WORD_NONE && strcmp((*argv)[1], words[word]) != 0)
		word--;
	if (word == WORD_NONE)
		return WORD_NONE;
	(*argv)[1] = (*argv)[0];
	--*argc;
	++*argv;
	return word;
}

void
first_word_options(enum first_word word, int json, const char *textfile)
{
	if (json && word != WORD_CHECK && word != WORD_STATUS)
		program_fail(EX_USAGE, "--json is for check and status");
	if (textfile != NULL && word != WORD_METRICS)
		program_fail(EX_USAGE, "--textfile is for metrics");
}
