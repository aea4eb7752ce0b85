/*
 * no_proxy, as the environment has it: whom no proxy leads to.
 */
#ifndef DIAL_NO_PROXY_H
#define DIAL_NO_PROXY_H

#include "base/netaddr.h"

/*
 * Whether target is among the list, which commas or spaces separate: "*",
 * names, which stand for all below them too, addresses or prefixes, and each
 * name or address also as "host:port". NULL is an empty one. Pure.
 */
int no_proxy_names(const char *list, const struct netaddr *target);

#endif
