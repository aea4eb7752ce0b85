/* What expires: see expiry.h. */
#include "agent/expiry.h"
#include "base/log.h"

#include <time.h>

#define DAY       86400
#define WARN_DAYS 14L

void
expiry_check(struct expiry *e, const char *what, const char *whose, int64_t now)
{
	time_t at = (time_t)e->at;
	char text[32];
	struct tm tm;

	if (e->at == 0 || e->at - now >= WARN_DAYS * DAY ||
	    (e->warned != 0 && now - e->warned < DAY) ||
	    gmtime_r(&at, &tm) == NULL)
		return;
	e->warned = now;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (e->at <= now)
		log_event(LOG_WARNING, "expired", "what", what, "of", whose,
		    "at", text, NULL);
	else
		log_event(LOG_WARNING, "expires", "what", what, "of", whose,
		    "at", text, "days", LOG_U64((e->at - now) / DAY), NULL);
}
