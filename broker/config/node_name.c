/* The name of a relay among others: see node_name.h. */
#include "config/node_name.h"

#include <string.h>

int
node_name_good(const char *name, size_t size)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";

	return memchr(name, '\0', size) != NULL &&
	       name[strspn(name, good)] == '\0';
}
