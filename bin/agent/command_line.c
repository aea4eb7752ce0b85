/* relayagent's command line and file: see command_line.h. */
#include "agent/command_line.h"
#include "base/config_lines.h"
#include "base/program.h"
#include "warp/request.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME           "relayagent"
#define PROXY_PROTOCOL "proxy-protocol"
#define MAX_STREAMS    "max-streams"
#define UPGRADE        "upgrade"
#define JSON           "json"
#define SEAL           "seal"
#define PEERS          "peers"
#define PASSFILE       "passfile"
#define RELAYS         "relays"
#define REQUEST        "request"
#define INSTALL        "install"
#define TEXTFILE       "textfile"
#define LIST_STEP      16 /* words, by which the list grows */

#define LETTERS      "nf:k:c:a:m:h:x:X:"
#define LETTERS_HERE "C:DdtV" /* of the command line alone */

static const struct option longs[] = {
    {PROXY_PROTOCOL, no_argument, NULL, AGENT_PROXY_PROTOCOL},
    {MAX_STREAMS, required_argument, NULL, AGENT_MAX_STREAMS},
    {UPGRADE, required_argument, NULL, AGENT_UPGRADE},
    {JSON, no_argument, NULL, AGENT_JSON},
    {SEAL, required_argument, NULL, AGENT_SEAL},
    {PEERS, required_argument, NULL, AGENT_PEERS},
    {PASSFILE, required_argument, NULL, AGENT_PASSFILE},
    {RELAYS, required_argument, NULL, AGENT_RELAYS},
    {INSTALL, no_argument, NULL, AGENT_INSTALL},
    {REQUEST, required_argument, NULL, AGENT_REQUEST},
    {TEXTFILE, required_argument, NULL, AGENT_TEXTFILE},
    {NULL, 0, NULL, 0},
};

static void
usage(void)
{
	fprintf(stderr,
	    "usage: " NAME " [-DdtV] [options] file.warp target:port\n"
	    "       " NAME " --" INSTALL " [options] file.warp target:port\n"
	    "       " NAME " --" REQUEST " name\n"
	    "       " NAME " [-DdtV] -C file\n"
	    "       " NAME " [-DdntV] [options] -c cert -k key relay:port ... "
	    "target:port\n"
	    "       " NAME " check [--" JSON "] word ...\n"
	    "       " NAME " status [--" JSON "] word ...\n"
	    "       " NAME " metrics [--" TEXTFILE " path] word ...\n"
	    "options: [-a ca] [-h host] [-m polls[:max]] [-X file] "
	    "[-x proxy:port]\n"
	    "         [--" MAX_STREAMS " n] [--" PASSFILE " file] [--" PEERS
	    " file]\n"
	    "         [--" PROXY_PROTOCOL "] [--" RELAYS " all|first]\n"
	    "         [--" SEAL " auto|require|off] [--" UPGRADE " protocol]\n"
	    "         [name=target:port ...]\n");
	exit(EX_USAGE);
}

/* Keeps a copy of word, whose value goes when the next is read. */
static int
add(struct agent_words *words, struct agent_word word, struct failure *f)
{
	struct agent_word *list = words->list;

	if (words->count % LIST_STEP == 0) {
		list = reallocarray(
		    list, words->count + LIST_STEP, sizeof(*list));
		if (list == NULL)
			return failure(f, "%s", strerror(errno));
		words->list = list;
	}
	if (word.value != NULL && (word.value = strdup(word.value)) == NULL)
		return failure(f, "%s", strerror(errno));
	list[words->count++] = word;
	return 0;
}

/* ---- the command line ---- */

/* Returns 1 for an option that only the command line has. */
static int
set_run(struct agent_run *run, const char **file, int option)
{
	switch (option) {
	case 'C':
		*file = optarg;
		return 1;
	case 'D':
		return run->daemon = 1;
	case 'd':
		return run->debug = 1;
	case 't':
		return run->test = 1;
	case AGENT_JSON:
		return run->json = 1;
	case AGENT_TEXTFILE:
		run->textfile = optarg;
		return 1;
	case 'V':
		printf(NAME " %s\n", VERSION);
		exit(EX_OK);
	case AGENT_INSTALL:
		return run->install = 1;
	case AGENT_REQUEST:
		exit(warp_request_run(optarg, NAME, "TARGET:PORT"));
	case '?':
		usage();
	}
	return 0;
}

static int
read_argv(struct agent_words *words, struct agent_run *run, const char **file,
    int argc, char **argv, const char *base, struct failure *f)
{
	struct agent_word word = {.file = base};

	optind = 0; /* it may be read again */
	while ((word.option = getopt_long(
		    argc, argv, LETTERS LETTERS_HERE, longs, NULL)) != -1) {
		word.value = optarg;
		if (!set_run(run, file, word.option) &&
		    add(words, word, f) == -1)
			return -1;
	}
	if (*file == NULL && optind == argc)
		usage();
	word.option = AGENT_ARGUMENT;
	for (; optind < argc; optind++) {
		word.value = argv[optind];
		if (add(words, word, f) == -1)
			return -1;
	}
	return 0;
}

/* ---- the file ---- */

struct reader {
	struct agent_words *words;
	unsigned line;
};

/* Ends the option of the line. Returns its value, or NULL. */
static char *
split(char *line)
{
	size_t n = line[1] == '-' ? strcspn(line, " \t\v\f\r")
				  : strnlen(line, 2);

	if (!isspace((unsigned char)line[n]))
		return NULL;
	line[n++] = '\0';
	while (isspace((unsigned char)line[n]))
		n++;
	return line + n;
}

/* A file, which lasts longer than a line, has options by their names. */
static int
is_abbreviated(const char *option, int index)
{
	return index != -1 &&
	       strcspn(option + 2, "=") != strlen(longs[index].name);
}

/* "-k private.pem", "-n", or an argument */
static int
read_line(void *arg, char *line, struct failure *f)
{
	const struct reader *r = arg;
	struct agent_word word = {
	    AGENT_ARGUMENT, line, r->words->file, r->line};
	char name[] = NAME, *argv[] = {name, line, NULL, NULL};
	int argc = 2, index = -1;

	if (*line != '-')
		return add(r->words, word, f);
	argv[2] = split(line);
	if (argv[2] != NULL)
		argc = 3;
	optind = 0;
	word.option = getopt_long(argc, argv, ":" LETTERS, longs, &index);
	word.value = optarg;
	if (word.option == ':')
		return failure(f, "%s has no value", line);
	if (word.option == -1 || word.option == '?' ||
	    word.option == AGENT_JSON || word.option == AGENT_REQUEST ||
	    word.option == AGENT_INSTALL || word.option == AGENT_TEXTFILE ||
	    is_abbreviated(line, index))
		return failure(f, "unknown option %s (see " NAME "(1))", line);
	if (argc > optind || (optarg == NULL && index == -1 && line[2] != '\0'))
		return failure(f, "%s takes no value", line);
	return add(r->words, word, f);
}

/* ---- both ---- */

int
agent_words_read(struct agent_words *words, struct agent_run *run, int argc,
    char **argv, const char *base, struct failure *f)
{
	struct reader r = {.words = words};
	const char *file = NULL;

	memset(words, 0, sizeof(*words));
	memset(run, 0, sizeof(*run));
	run->part = "configuration";
	if (read_argv(words, run, &file, argc, argv, base, f) == -1)
		return -1;
	if (file == NULL)
		return 0;
	words->file = config_lines_relative(base, file);
	if (words->file == NULL)
		return failure(f, "-C: %s", strerror(errno));
	snprintf(run->file, sizeof(run->file), "%s", words->file);
	return config_lines_read_numbered(
	    words->file, read_line, &r, &r.line, f);
}

int
agent_words_run(struct agent_run *run, int argc, char **argv, struct failure *f)
{
	struct agent_words words = {.list = NULL};
	const char *file = NULL;
	int rc;

	memset(run, 0, sizeof(*run));
	rc = read_argv(&words, run, &file, argc, argv, "", f);
	if (file != NULL)
		snprintf(run->file, sizeof(run->file), "%s", file);
	agent_words_free(&words);
	return rc;
}

void
agent_words_free(struct agent_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->list[i].value);
	free(words->list);
	free(words->file);
	memset(words, 0, sizeof(*words));
}

const char *
agent_words_name(const struct agent_word *word)
{
	static char name[32];

	if (word->option == AGENT_ARGUMENT)
		return word->value;
	snprintf(name, sizeof(name), "-%c", word->option);
	for (const struct option *o = longs; o->name != NULL; o++)
		if (o->val == word->option)
			snprintf(name, sizeof(name), "--%s", o->name);
	return name;
}

int
agent_words_locate(const struct agent_word *word, struct failure *f)
{
	if (word->line == 0)
		return -1;
	return failure_prefix(f, "%s:%u: ", word->file, word->line);
}
