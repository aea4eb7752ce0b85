/* The sandbox of relay-keyd: see keyd_sandbox.h. */
#define _GNU_SOURCE
#include "keyd/keyd_sandbox.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

static const struct filter_rule serving[] = {
    FILTER_CALL(accept4), FILTER_CALL(unlink), /* its socket, at the end */
};

/*
 * What the module of a token calls once it has all open, SoftHSM's at least:
 * where its folder tells of a change it lists that, and the numbers it signs
 * with lie in locked memory. No executable memory, no socket, no file written.
 */
static const struct filter_rule token[] = {
    FILTER_CALL(getdents64),
    FILTER_CALL(mlock),
    FILTER_CALL(munlock),
};

static int
allow_key(struct landlock *l, const struct relay_conf *conf)
{
	if (!conf->key_on_token)
		return landlock_allow_beside(l, conf->key, LANDLOCK_READ);
	return conf->token_folder == NULL
		   ? 0
		   : landlock_allow(
			 l, conf->token_folder, LANDLOCK_READ | LANDLOCK_LIST);
}

static int
restrict_files(const struct relay_conf *conf, struct landlock *l)
{
	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	if (landlock_allow_beside(l, conf->path, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->certificate, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->ca, LANDLOCK_READ) == -1 ||
	    allow_key(l, conf) == -1 ||
	    landlock_allow(l, "/proc", LANDLOCK_READ) == -1 || /* voucher.h */
	    landlock_allow_beside(l, conf->keyd, LANDLOCK_REMOVE) == -1)
		return -1;
	return landlock_enter(l);
}

int
keyd_sandbox_enter(const struct relay_conf *conf)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, FILTER_LIST(serving), FILTER_LIST(token)};
	/* the last is not for a key in a file */
	const size_t n = sizeof(lists) / sizeof(*lists) -
			 (conf->key_on_token ? 0 : 1);
	struct landlock l;
	int rc = restrict_files(conf, &l);

	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(&l, lists, n, LOG_WARNING);
}
