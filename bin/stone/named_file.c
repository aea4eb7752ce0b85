/* A file that the configuration names: see named_file.h. */
#include "stone/named_file.h"
#include "base/config_lines.h"

#include <string.h>
#include <unistd.h>

char *
stone_named_file(const char *file, const char *name)
{
	if (file == NULL || access(name, F_OK) == 0)
		return strdup(name);
	return config_lines_relative(file, name);
}
