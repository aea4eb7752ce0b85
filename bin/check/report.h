/*
 * What a check has found: a line for each step on the standard output, or one
 * JSON document (--json) at the end.
 */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include "base/failure.h"

enum check_result { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check_line {
	enum check_result result;
	int code;           /* of a fail: sysexits(3) */
	const char *advice; /* what to do; NULL where all is well */
	struct failure text;
};

struct check_report;

/*
 * Begins the report of program, as JSON or not. Returns NULL with errno; for
 * check_report_end.
 */
struct check_report *check_report_new(const char *program, int json);

/*
 * Adds how step went with subject ("": this host), and how long it took. What
 * is not printable in line's text is replaced.
 */
void check_report_add(struct check_report *report, const char *step,
    const char *subject, struct check_line *line, double ms);

/* Ends the report and frees it. Returns 0 or the first failure's code. */
int check_report_end(struct check_report *report);

/* Each sets line: this went well, */
void check_ok(struct check_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* it works, but the advice should be taken, */
void check_warn(struct check_line *line, const char *advice, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* it does not work, and code (sysexits(3)) says what kind of failure that is.
 */
void check_fail(struct check_line *line, int code, const char *advice,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
