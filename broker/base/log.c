/* Log lines: see log.h. */
#include "base/log.h"
#include "base/log_syslog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *ident;
	enum log_target target;
	int level;
	int journal; /* stderr is the journal's, which has time and name */
} logger = {.ident = "vpn-warp", .level = LOG_INFO};

/*
 * Whether systemd has connected stderr to its journal: sd-daemon(3) and
 * systemd.exec(5) say how one knows.
 */
static int
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char here[2 * 20 + 2];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
		return 0;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(here, stream) == 0;
}

void
log_open(const char *ident, enum log_target target, int debug)
{
	logger.ident = ident;
	logger.target = target;
	logger.level = debug ? LOG_DEBUG : LOG_INFO;
	/* harden_process empties the environment later */
	logger.journal |= is_journal();
	/* now, while its file can still be opened: times ask for the zone */
	tzset();
	if (target == LOG_TO_SYSLOG)
		log_syslog_open();
}

static const char *const level_words[] = {
    [LOG_EMERG] = "emerg",
    [LOG_ALERT] = "alert",
    [LOG_CRIT] = "crit",
    [LOG_ERR] = "err",
    [LOG_WARNING] = "warning",
    [LOG_NOTICE] = "notice",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

void
log_set_level(int level)
{
	logger.level = level;
}

int
log_level(void)
{
	return logger.level;
}

int
log_level_parse(const char *word)
{
	for (int i = LOG_ERR; i <= LOG_DEBUG; i++)
		if (strcmp(word, level_words[i]) == 0)
			return i;
	return -1;
}

const char *
log_level_word(int level)
{
	return level >= LOG_EMERG && level <= LOG_DEBUG ? level_words[level]
							: "unknown";
}

void
log_append(char *line, size_t size, const char *key, const char *value)
{
	size_t used = strlen(line), room = size - used, n = 0;
	const unsigned char *p;
	char *out = line + used;

	if (room < strlen(key) + 3)
		return;
	out += snprintf(out, room, " %s=", key);
	room = size - (size_t)(out - line);
	if (room > LOG_VALUE_MAX + 1)
		room = LOG_VALUE_MAX + 1;
	for (p = (const unsigned char *)value; *p != '\0'; p++) {
		int plain = *p >= 0x20 && *p <= 0x7e && *p != '\\';

		if (n + (plain ? 1 : 4) >= room)
			break;
		if (plain)
			out[n++] = *p == ' ' ? '_' : (char)*p;
		else
			n += (size_t)snprintf(out + n, room - n, "\\x%02x", *p);
	}
	out[n] = '\0';
}

/* What stands before a line on stderr: time, name and process ID. */
static void
write_head(char *head, size_t size)
{
	char stamp[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(head, size, "%s.%03ldZ %s[%ld]: ", stamp,
	    now.tv_nsec / 1000000, logger.ident, (long)getpid());
}

/* One write(2), so that lines of several processes do not mix. */
static void
write_stderr(int priority, const char *text)
{
	char line[LOG_LINE_MAX + 128], head[96];
	int n;

	if (logger.journal)
		snprintf(head, sizeof(head), "<%d>", priority);
	else
		write_head(head, sizeof(head));
	n = snprintf(line, sizeof(line), "%s%s\n", head, text);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == -1)
		return; /* there is no other place to say so */
}

void
log_event(int priority, const char *event, ...)
{
	char line[LOG_LINE_MAX];
	const char *key, *value;
	va_list ap;

	if (priority > logger.level)
		return;
	snprintf(line, sizeof(line), "%s", event);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value != NULL && *value != '\0')
			log_append(line, sizeof(line), key, value);
	}
	va_end(ap);
	if (logger.target == LOG_TO_SYSLOG)
		log_syslog_send(priority, logger.ident, line);
	else
		write_stderr(priority, line);
}

void
log_failure(const char *text)
{
	char clean[LOG_LINE_MAX];
	size_t n;

	for (n = 0; n < sizeof(clean) - 1 && text[n] != '\0'; n++)
		clean[n] = (char)(text[n] >= 0x20 && text[n] <= 0x7e ? text[n]
								     : '?');
	clean[n] = '\0';
	if (logger.target == LOG_TO_SYSLOG)
		log_syslog_send(LOG_ERR, logger.ident, clean);
	else if (logger.journal)
		write_stderr(LOG_ERR, clean);
	else
		dprintf(STDERR_FILENO, "%s: %s\n", logger.ident, clean);
}

const char *
log_u64(char buf[static 21], uint64_t v)
{
	snprintf(buf, 21, "%" PRIu64, v);
	return buf;
}

const char *
log_id(char buf[static 9], uint32_t id)
{
	snprintf(buf, 9, "%08" PRIx32, id);
	return buf;
}
