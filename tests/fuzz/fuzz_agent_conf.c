/*
 * relayagent's configuration (bin/agent/conf.c, agent/options.c,
 * agent/target.c, dial/proxy.c). Without keys there is always something
 * missing; nothing else may happen.
 */
#include "agent/conf.h"
#include "agent/options.h"
#include "base/failure.h"
#include "fuzz.h"

#include <string.h>

/* Each line as an argument too, as on the command line. */
static void
take_arguments(char *text)
{
	static struct agent_conf conf;
	struct agent_options w = {&conf, ""};
	struct failure f;
	char *rest;

	memset(&conf, 0, sizeof(conf));
	conf.ntargets = 1;
	for (char *word = strtok_r(text, "\n", &rest); word != NULL;
	     word = strtok_r(NULL, "\n", &rest)) {
		agent_options_take_argument(&w, word, &f);
		MUST(conf.nrelays <= AGENT_RELAYS_MAX);
		MUST(conf.ntargets >= 1 && conf.ntargets <= TARGETS_MAX);
	}
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
