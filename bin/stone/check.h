/*
 * "relay-stone check": why it works, or does not (check/check.h). A relay-stone
 * that runs with the same configuration is not disturbed.
 */
#ifndef STONE_CHECK_H
#define STONE_CHECK_H

#include "dial/proxy_environment.h"

/*
 * Reads the command line and the file that it names, and tries each forward, up
 * to its agent and the target of that. Prints how it goes. Returns 0, or the
 * sysexits(3) code of the first failure.
 */
int stone_check(int argc, char **argv, const struct proxy_environment *env);

#endif
