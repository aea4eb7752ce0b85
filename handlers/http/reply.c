/* The relay's own answers: see reply.h. */
#include "http/reply.h"

#include <stdio.h>
#include <string.h>

size_t
reply_poll(char out[static REPLY_MAX], const char *customer, unsigned park)
{
	char field[32] = "";

	if (park != 0)
		snprintf(field, sizeof(field), "X-Park: %u\r\n", park);
	return (size_t)snprintf(out, REPLY_MAX,
	    "HTTP/1.1 200 OK\r\nX-Customer: %s\r\n%s\r\n", customer, field);
}

/* The date as RFC 9110 5.6.7 has it. */
size_t
reply_check(char out[static REPLY_MAX], const char *customer, time_t now)
{
	char date[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return (size_t)snprintf(out, REPLY_MAX,
	    "HTTP/1.1 200 OK\r\nX-Check: 1\r\nX-Customer: %s\r\nDate: %s\r\n"
	    "Content-Length: 0\r\nConnection: close\r\n\r\n",
	    customer, date);
}

size_t
reply_refusal(
    char out[static REPLY_MAX], int status, const char *reason, int with_body)
{
	char retry[32] = "";
	size_t body = with_body ? strlen(reason) + 1 : 0;

	if (status == 503 || status == 429)
		snprintf(retry, sizeof(retry), "Retry-After: %d\r\n",
		    REPLY_RETRY_AFTER);
	return (size_t)snprintf(out, REPLY_MAX,
	    "HTTP/1.1 %d %s\r\n"
	    "X-Reason: %s\r\n"
	    "%s%s"
	    "Content-Length: %zu\r\n"
	    "Connection: close\r\n"
	    "\r\n"
	    "%s%s",
	    status, reason, reason, retry,
	    with_body ? "Content-Type: text/plain\r\n" : "", body,
	    with_body ? reason : "", with_body ? "\n" : "");
}
