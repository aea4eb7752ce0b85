/*
 * Log lines: an event word, then key=value fields. The lines are an interface
 * (each program's man page lists its own), so they are made in one place: in a
 * value a space becomes _, what else lies outside 0x21-0x7e becomes \\xHH, and
 * it is cut at LOG_VALUE_MAX bytes. On stderr the time, the program and its
 * process ID come first, but in systemd's journal a priority, as <6>.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#define LOG_VALUE_MAX 256  /* escaped bytes of one value */
#define LOG_LINE_MAX  2048 /* bytes of one line, as syslog(3) keeps it */

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

/*
 * Call it first before harden_process: the environment may say that stderr is
 * the journal's. ident: the program's name, kept by reference. Lines above
 * LOG_INFO (that is LOG_DEBUG) are dropped unless debug is set.
 */
void log_open(const char *ident, enum log_target target, int debug);

/* Drops lines above level, as in syslog(3), from now on. */
void log_set_level(int level);
int log_level(void);

/*
 * The level of a word as syslog.conf(5) has them ("debug", "info", "notice",
 * "warning", "err"), or -1; and the word of a level.
 */
int log_level_parse(const char *word);
const char *log_level_word(int level);

/*
 * Writes one line: the event, then pairs of const char * key and value, ended
 * by NULL. A NULL or empty value leaves its field out. priority as in
 * syslog(3).
 */
void log_event(int priority, const char *event, ...) __attribute__((sentinel));

/*
 * The pure half of log_event: appends " key=value" to the string in line
 * (size bytes in all), escaping the value. Never overruns; what does not fit
 * is cut.
 */
void log_append(char *line, size_t size, const char *key, const char *value);

/*
 * Writes why the program gives up, for a person: "ident: text" on stderr, or
 * the text alone to the syslog.
 */
void log_failure(const char *text);

/* Formats v as decimal into buf and returns buf. */
const char *log_u64(char buf[static 21], uint64_t v);

/* Formats an id, of a session or of one that waits, into buf. */
const char *log_id(char buf[static 9], uint32_t id);

/* An id as a log value; it lives until the enclosing block ends. */
#define LOG_ID(id) log_id((char[9]){0}, (id))

/* A number as a log value; it lives until the enclosing block ends. */
#define LOG_U64(v) log_u64((char[21]){0}, (uint64_t)(v))

#endif
