/* What expires: see expiry.h. */
#include "tls/expiry.h"
#include "base/log.h"
#include "base/timestamp.h"

#define DAY       86400
#define WARN_DAYS 14L

void
expiry_check(struct expiry *e, const char *what, const char *whose, int64_t now)
{
	const int early = e->from > now;
	char text[WHEN_TEXT_SIZE], clock[WHEN_TEXT_SIZE];

	if (e->at == 0 || (!early && e->at - now >= WARN_DAYS * DAY) ||
	    (e->warned != 0 && now - e->warned < DAY))
		return;
	e->warned = now;
	timestamp_format((uint64_t)(early ? e->from : e->at), text);
	timestamp_format((uint64_t)now, clock);
	if (early)
		log_event(LOG_WARNING, "not-yet-valid", "what", what, "of",
		    whose, "from", text, "clock", clock, NULL);
	else if (e->at <= now)
		log_event(LOG_WARNING, "expired", "what", what, "of", whose,
		    "at", text, NULL);
	else
		log_event(LOG_WARNING, "expires", "what", what, "of", whose,
		    "at", text, "days", LOG_U64((e->at - now) / DAY), NULL);
}
