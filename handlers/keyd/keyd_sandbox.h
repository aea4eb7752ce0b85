/*
 * The sandbox of relay-keyd.
 */
#ifndef KEYD_KEYD_SANDBOX_H
#define KEYD_KEYD_SANDBOX_H

#include "config/relay_conf.h"

/*
 * From now on the process may accept on what it holds, answer, and read in the
 * folders of conf's own file, certificate, ca and key, as a change of these
 * needs.
 * It has no network and connects to nothing but the syslog. With a key on a
 * token its module may also read in conf's token_folder, list that, and lock
 * memory; what else it speaks to the token by has to be open already. Logs what
 * the kernel lacks. Returns 0, or -1 with errno.
 */
int keyd_sandbox_enter(const struct relay_conf *conf);

#endif
