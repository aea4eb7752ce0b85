/*
 * relayagent's configuration (bin/agent/conf.c, agent/command_line.c,
 * agent/options.c, agent/target.c, dial/proxy_option.c). Without keys there is
 * always something missing; nothing else may happen.
 */
#include "agent/conf.h"
#include "agent/options.h"
#include "base/failure.h"
#include "fuzz.h"

#include <string.h>

#define WORDS_MAX 256

/* Each line as an argument too, as on the command line. */
static void
take_arguments(char *text)
{
	static struct agent_word list[WORDS_MAX];
	static struct agent_conf conf;
	struct agent_words words = {.list = list};
	struct agent_options o;
	struct failure f;
	char *rest;

	for (char *word = strtok_r(text, "\n", &rest);
	     word != NULL && words.count < WORDS_MAX;
	     word = strtok_r(NULL, "\n", &rest))
		list[words.count++] = (struct agent_word){
		    .option = AGENT_ARGUMENT, .value = word, .file = ""};
	agent_options_read(&o, &conf, &words, &f);
	MUST(conf.relays.n <= AGENT_RELAYS_MAX);
	MUST(conf.ntargets >= 1 && conf.ntargets <= TARGETS_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "relayagent", option[] = "-C";
	static struct agent_conf conf;
	struct failure f = {.text = ""};
	char path[64];
	char *argv[] = {name, option, path, NULL};
	struct agent_source source = {.argc = 3, .argv = argv, .base = ""};
	struct agent_run run;
	char *text = fuzz_string(data, size);

	/* no device, which might never end */
	if (strstr(text, "/dev") == NULL && strstr(text, "/proc") == NULL) {
		snprintf(path, sizeof(path), "%s", fuzz_file(data, size));
		MUST(agent_conf_read(&conf, &run, &source, &f) == -1);
		MUST(*f.text != '\0');
		take_arguments(text);
	}
	free(text);
	return 0;
}
