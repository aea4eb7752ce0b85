/*
 * The name of a relay among others (relay-peer(8)): what its peer certificate
 * has as a DNS name, and people read in logs.
 */
#ifndef CONFIG_NODE_NAME_H
#define CONFIG_NODE_NAME_H

#include <stddef.h>

#define NODE_NAME_SIZE 32 /* with its NUL */

/*
 * Whether name, in size bytes, may be one, or is empty: terminated, lower case
 * letters, digits, hyphens and dots.
 */
int node_name_good(const char *name, size_t size);

#endif
