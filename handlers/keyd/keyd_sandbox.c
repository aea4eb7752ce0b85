/* The sandbox of relay-keyd: see keyd_sandbox.h. */
#define _GNU_SOURCE
#include "keyd/keyd_sandbox.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

static const struct filter_rule serving[] = {
    FILTER_CALL(accept4), FILTER_CALL(unlink), /* its socket, at the end */
};

static int
restrict_files(const struct relay_conf *conf, struct landlock *l)
{
	if (landlock_open(l, LANDLOCK_FILES | LANDLOCK_TCP | LANDLOCK_SCOPE) ==
	    -1)
		return -1;
	if (landlock_allow_beside(l, conf->path, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->certificate, LANDLOCK_READ) == -1 ||
	    landlock_allow_beside(l, conf->key, LANDLOCK_READ) == -1 ||
	    landlock_allow(l, "/proc", LANDLOCK_READ) == -1 || /* voucher.h */
	    landlock_allow_beside(l, conf->keyd, LANDLOCK_REMOVE) == -1)
		return -1;
	return landlock_enter(l);
}

int
keyd_sandbox_enter(const struct relay_conf *conf)
{
	const struct filter_list lists[] = {filter_common, filter_logging,
	    filter_reading, FILTER_LIST(serving)};
	struct landlock l;
	int rc = restrict_files(conf, &l);

	landlock_close(&l);
	if (rc == -1)
		return -1;
	return sandbox_filter(
	    &l, lists, sizeof(lists) / sizeof(*lists), LOG_WARNING);
}
