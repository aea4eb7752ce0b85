/*
 * The words of relayagent's command line and of the file that it names: which
 * options and arguments are there, and where. What they mean is for options.h.
 */
#ifndef AGENT_COMMAND_LINE_H
#define AGENT_COMMAND_LINE_H

#include "base/failure.h"

#include <limits.h>
#include <stddef.h>

/* Options without a letter, and what is none. */
#define AGENT_ARGUMENT       0
#define AGENT_PROXY_PROTOCOL 256
#define AGENT_MAX_STREAMS    257
#define AGENT_UPGRADE        258
#define AGENT_SEAL           259
#define AGENT_PEERS          260
#define AGENT_PASSFILE       261
#define AGENT_INSTALL        262 /* of the command line alone */
#define AGENT_REQUEST        263 /* of the command line alone */
#define AGENT_JSON           264 /* of the command line alone */
#define AGENT_TEXTFILE       265 /* of the command line alone */
#define AGENT_RELAYS         266

struct agent_word {
	int option;       /* its letter, or one of the above */
	char *value;      /* of an option, NULL: none; or the argument */
	const char *file; /* what the value is relative to, if a path */
	unsigned line;    /* of the file; 0: the command line */
};

struct agent_words {
	char *file; /* -C; NULL: none */
	struct agent_word *list;
	size_t count;
};

/* What only the command line can say. */
struct agent_run {
	int daemon;           /* -D */
	int debug;            /* -d */
	int test;             /* -t */
	int json;             /* --json */
	int install;          /* --install */
	const char *textfile; /* --textfile; NULL: none */
	char file[PATH_MAX];  /* -C; "": none */
	const char *part;     /* what was read last: see check/check.h */
};

/*
 * Reads argv and then the file that it names with -C, into words and run. base
 * is where paths on the command line start (config_lines_relative), and is
 * kept. Prints the version (-V) or the usage, or makes a request for a
 * certificate (--request), and exits, where that is due.
 * Returns 0, or -1 with the reason in f. agent_words_free either way.
 */
int agent_words_read(struct agent_words *words, struct agent_run *run, int argc,
    char **argv, const char *base, struct failure *f);

/*
 * Reads what only the command line can say, and no file. Returns 0, or -1
 * likewise.
 */
int agent_words_run(
    struct agent_run *run, int argc, char **argv, struct failure *f);

void agent_words_free(struct agent_words *words);

/* The option as it is written, for messages; of an argument the word itself. */
const char *agent_words_name(const struct agent_word *word);

/* Puts "file:line: " before what f says, for a word of a file. Returns -1. */
int agent_words_locate(const struct agent_word *word, struct failure *f);

#endif
