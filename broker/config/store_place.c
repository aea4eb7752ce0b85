/* Where a Valkey or Redis is: see store_place.h. */
#include "config/store_place.h"

#include <string.h>

int
store_place_parse(
    struct store_place *place, const char *text, struct failure *f)
{
	memset(place, 0, sizeof(*place));
	if (text[0] != '/')
		return netaddr_parse(&place->addr, text, f) == -1
			   ? -1
			   : netaddr_check_numeric(&place->addr, f);
	if (strlen(text) >= sizeof(place->path))
		return failure(f, "%s: too long for a socket", text);
	memcpy(place->path, text, strlen(text));
	return 0;
}
