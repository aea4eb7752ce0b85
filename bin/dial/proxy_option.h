/*
 * The HTTP proxy that an option names, and the file with its password.
 */
#ifndef DIAL_PROXY_OPTION_H
#define DIAL_PROXY_OPTION_H

#include "base/failure.h"
#include "dial/proxy.h"

/*
 * Sets *p from an option: "host:port", or "host:port,file" where the file's
 * first line is "user:password" and nobody but its owner may read it. The file
 * is relative to conf (config_lines_relative; "" for the command line). Returns
 * 0, or -1 with a reason in f.
 */
int proxy_from_option(
    struct proxy *p, const char *text, const char *conf, struct failure *f);

/*
 * Sets p's credentials from the file called name, which is relative to conf
 * likewise. Returns 0, or -1 with a reason in f.
 */
int proxy_credentials(
    struct proxy *p, const char *name, const char *conf, struct failure *f);

#endif
