/* Numbers as people read them: see units.h. */
#include "ctl/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
ctl_age(char text[static CTL_UNIT_SIZE], uint64_t seconds)
{
	uint64_t m = seconds / 60, h = m / 60, d = h / 24;

	if (d > 0)
		snprintf(text, CTL_UNIT_SIZE, "%" PRIu64 "d%02uh", d,
		    (unsigned)(h % 24));
	else if (h > 0)
		snprintf(text, CTL_UNIT_SIZE, "%uh%02um", (unsigned)h,
		    (unsigned)(m % 60));
	else if (m > 0)
		snprintf(text, CTL_UNIT_SIZE, "%um%02us", (unsigned)m,
		    (unsigned)(seconds % 60));
	else
		snprintf(text, CTL_UNIT_SIZE, "%us", (unsigned)seconds);
	return text;
}

const char *
ctl_bytes(char text[static CTL_UNIT_SIZE], uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 1023.5 && unit < sizeof(units) - 2) {
		n /= 1024;
		unit++;
	}
	snprintf(text, CTL_UNIT_SIZE,
	    unit == 0 || n >= 9.95 ? "%.0f%c" : "%.1f%c", n, units[unit]);
	return text;
}

const char *
ctl_rate(char text[static CTL_UNIT_SIZE], uint64_t bytes, double seconds)
{
	ctl_bytes(text, seconds > 0 ? (uint64_t)((double)bytes / seconds) : 0);
	strcat(text, "/s");
	return text;
}

const char *
ctl_rtt(char text[static CTL_UNIT_SIZE], uint32_t rtt)
{
	if (rtt == 0)
		snprintf(text, CTL_UNIT_SIZE, "-");
	else
		snprintf(text, CTL_UNIT_SIZE,
		    rtt < 100000 ? "%.1fms" : "%.0fms", rtt / 1000.0);
	return text;
}
