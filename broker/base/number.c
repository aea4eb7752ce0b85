/* Decimal numbers: see number.h. */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int64_t
number_take(const char **text, int64_t min, int64_t max)
{
	long long n;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -1;
	errno = 0;
	n = strtoll(*text, &end, 10);
	if (errno != 0 || n < min || n > max)
		return -1;
	*text = end;
	return n;
}

int64_t
number_parse(const char *text, int64_t min, int64_t max)
{
	int64_t n = number_take(&text, min, max);

	return *text == '\0' ? n : -1;
}
