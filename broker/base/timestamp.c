/* Points in time as people write them: see timestamp.h. */
#include "base/timestamp.h"
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DATE "0000-00-00"
#define TIME "00:00:00"

/* Whether text begins like form, in which 0 stands for any digit. */
static int
has_form(const char *text, const char *form)
{
	for (; *form != '\0'; text++, form++)
		if (*form == '0' ? !isdigit((unsigned char)*text)
				 : *text != *form)
			return 0;
	return 1;
}

static int
two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* The date and time to Unix time; a date that does not exist is refused. */
static int
to_unix(struct tm tm, int64_t *when)
{
	struct tm made = tm;

	*when = timegm(&made);
	return made.tm_mday == tm.tm_mday && made.tm_mon == tm.tm_mon &&
		       made.tm_hour == tm.tm_hour && made.tm_min == tm.tm_min
		   ? 0
		   : -1;
}

/* "Z", "+09:00": seconds to take away. */
static int
read_zone(const char *text, int64_t *offset)
{
	*offset = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return 0;
	if ((!has_form(text, "+00:00") && !has_form(text, "-00:00")) ||
	    text[6] != '\0' || two_digits(text + 1) > 23 ||
	    two_digits(text + 4) > 59)
		return -1;
	*offset = two_digits(text + 1) * 3600 + two_digits(text + 4) * 60;
	if (*text == '-')
		*offset = -*offset;
	return 0;
}

static int
read_date(const char *text, int64_t *when)
{
	struct tm tm = {.tm_hour = 23, .tm_min = 59, .tm_sec = 59};
	int64_t offset = 0;

	tm.tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900;
	tm.tm_mon = two_digits(text + 5) - 1;
	tm.tm_mday = two_digits(text + 8);
	text += strlen(DATE);
	if (*text != '\0') {
		if ((*text != 'T' && *text != 't' && *text != ' ') ||
		    !has_form(text + 1, TIME))
			return -1;
		tm.tm_hour = two_digits(text + 1);
		tm.tm_min = two_digits(text + 4);
		tm.tm_sec = two_digits(text + 7);
		if (tm.tm_sec > 59 ||
		    read_zone(text + 1 + strlen(TIME), &offset) == -1)
			return -1;
	}
	if (to_unix(tm, when) == -1)
		return -1;
	*when -= offset;
	return 0;
}

int
timestamp_parse(uint64_t *when, const char *text)
{
	int64_t t;

	if (strcmp(text, "never") == 0) {
		*when = UINT32_MAX;
		return 0;
	}
	if (!has_form(text, DATE))
		t = number_parse(text, 0, WHEN_MAX);
	else if (read_date(text, &t) == -1)
		t = -1;
	if (t < 0 || t > WHEN_MAX) {
		errno = EINVAL;
		return -1;
	}
	*when = (uint64_t)t;
	return 0;
}

void
timestamp_format(uint64_t when, char text[static WHEN_TEXT_SIZE])
{
	time_t t = (time_t)(when > WHEN_MAX ? WHEN_MAX : when);
	struct tm tm;

	if (when == UINT32_MAX || gmtime_r(&t, &tm) == NULL) {
		snprintf(text, WHEN_TEXT_SIZE, "never");
		return;
	}
	strftime(text, WHEN_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
