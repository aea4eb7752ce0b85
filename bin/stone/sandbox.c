/* The sandbox of relay-stone: see sandbox.h. */
#define _GNU_SOURCE
#include "dial/sandbox.h"
#include "base/config_lines.h"
#include "base/log.h"
#include "sandbox/sandbox.h"
#include "stone/sandbox.h"

#include <stdlib.h>
#include <sys/socket.h>

static const struct filter_rule serving[] = {
    FILTER_CALL(chdir), FILTER_CALL(getcwd), FILTER_CALL(listen),
    FILTER_CALL(tgkill),
    FILTER_IS(socketpair, 0, AF_UNIX), /* to shared sessions */
    FILTER_CALL(unlink),               /* the socket of a Unix listener */
};

static struct dial_sandbox of_sessions = {.rules = {.fd = -1}};

/*
 * OpenSSL looks for authorities in this folder as it meets their certificates.
 * It is relative to the process or to the file, as named_file.c finds it.
 */
static int
allow_authorities(struct dial_sandbox *w, const struct stone_value *folder)
{
	char *beside;
	int rc;

	if (folder->text == NULL)
		return 0;
	beside = config_lines_relative(
	    folder->file == NULL ? "" : folder->file, folder->text);
	if (beside == NULL)
		return -1;
	rc = landlock_allow(&w->rules, folder->text, LANDLOCK_READ);
	if (rc == 0)
		rc = landlock_allow(&w->rules, beside, LANDLOCK_READ);
	free(beside);
	return rc;
}

static int
fill(struct dial_sandbox *next, const void *arg)
{
	const struct forwards *set = arg;

	for (size_t i = 0; i < set->conf.nforwards; i++) {
		const struct stone_forward *f = &set->conf.forwards[i];

		for (size_t j = 0; j < f->relays.n; j++)
			if (dial_sandbox_add(next, &f->relays.list[j]) == -1)
				return -1;
		if (allow_authorities(next, &f->tls.capath) == -1)
			return -1;
	}
	return dial_sandbox_add(next, &set->proxy.addr);
}

int
stone_sandbox_renew(const struct forwards *set)
{
	return dial_sandbox_renew(&of_sessions, fill, set);
}

/* A reload may name any file, but no new folder for a Unix listener. */
static int
restrict_files(const struct forwards *set)
{
	struct landlock l;
	int rc = landlock_open(&l, LANDLOCK_FILES);

	if (rc == 0)
		rc = landlock_allow(&l, "/", LANDLOCK_READ);
	for (size_t i = 0; rc == 0 && i < set->conf.nforwards; i++)
		rc = landlock_allow_beside(&l,
		    set->conf.forwards[i].listen.path,
		    LANDLOCK_SOCKET | LANDLOCK_REMOVE);
	if (rc == 0)
		rc = landlock_enter(&l);
	landlock_close(&l);
	return rc;
}

int
stone_sandbox_enter(const struct forwards *set)
{
	const struct filter_list lists[] = {filter_common, filter_reading,
	    filter_forking, filter_dialling, filter_asking, filter_sandboxing,
	    FILTER_LIST(serving)};

	if (dial_sandbox_init() == -1 || stone_sandbox_renew(set) == -1 ||
	    restrict_files(set) == -1)
		return -1;
	/* what the kernel lacks is no news with every ssh(1) */
	return sandbox_filter(&of_sessions.rules, lists,
	    sizeof(lists) / sizeof(*lists),
	    set->conf.source == STONE_STDIO ? LOG_INFO : LOG_WARNING);
}

int
stone_sandbox_session(void)
{
	return dial_sandbox_enter(&of_sessions);
}
