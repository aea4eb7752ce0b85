/*
 * What a client of the relay is to do: its first word may say so, and what is
 * left are the words of a start.
 */
#ifndef STATUS_FIRST_WORD_H
#define STATUS_FIRST_WORD_H

enum first_word {
	WORD_NONE, /* it starts */
	WORD_CHECK,
	WORD_STATUS,
	WORD_METRICS,
};

/* Takes that word off, where there is one. */
enum first_word first_word_take(int *argc, char ***argv);

/*
 * Gives up with EX_USAGE where --json is given, or --textfile (NULL: not), and
 * is not for this word.
 */
void first_word_options(enum first_word word, int json, const char *textfile);

#endif
