/* What a check has found: see report.h. */
#include "check/report.h"
#include "base/program.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JSON_VERSION 1 /* of its form; fields may come, but none goes */

struct check_report {
	const char *program;
	json_t *steps; /* NULL: text */
	enum check_result worst;
	int code;
};

static const char *const words[] = {
    [CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAIL] = "fail"};

struct check_report *
check_report_new(const char *program, int json)
{
	struct check_report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->program = program;
	if (json && (r->steps = json_array()) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

static void
print(const char *step, const char *subject, const struct check_line *line,
    double ms)
{
	printf("%-4s  %-13s  %s%s%s (%.1f ms)\n", words[line->result], step,
	    subject, *subject != '\0' ? ": " : "", line->text.text, ms);
	if (line->advice != NULL)
		printf("      %-13s  %s\n", "what to do:", line->advice);
	(void)fflush(stdout);
}

/* Some of it came from the other end, and goes to a terminal. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void
check_report_add(struct check_report *r, const char *step, const char *subject,
    struct check_line *line, double ms)
{
	json_t *row;

	make_printable(line->text.text);
	if (line->result > r->worst)
		r->worst = line->result;
	if (line->result == CHECK_FAIL && r->code == 0)
		r->code = line->code;
	if (r->steps == NULL) {
		print(step, subject, line, ms);
		return;
	}
	row = json_pack("{s:s, s:s, s:f, s:s}", "step", step, "result",
	    words[line->result], "ms", ms, "text", line->text.text);
	if (*subject != '\0')
		json_object_set_new(row, "of", json_string(subject));
	if (line->advice != NULL)
		json_object_set_new(row, "do", json_string(line->advice));
	json_array_append_new(r->steps, row);
}

int
check_report_end(struct check_report *r)
{
	const int code = r->code;
	json_t *all;

	if (r->steps != NULL) {
		all = json_pack("{s:i, s:s, s:s, s:s, s:i, s:o}", "version",
		    JSON_VERSION, "program", r->program, "program_version",
		    VERSION, "result", words[r->worst], "status", code, "steps",
		    r->steps);
		json_dumpf(
		    all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(all);
	}
	free(r);
	return code;
}

/* ---- a line ---- */

static void set(struct check_line *line, enum check_result result, int code,
    const char *advice, const char *format, va_list ap)
    __attribute__((format(printf, 5, 0)));

static void
set(struct check_line *line, enum check_result result, int code,
    const char *advice, const char *format, va_list ap)
{
	line->result = result;
	line->code = code;
	line->advice = advice;
	vsnprintf(line->text.text, sizeof(line->text.text), format, ap);
}

void
check_ok(struct check_line *line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(line, CHECK_OK, EX_OK, NULL, format, ap);
	va_end(ap);
}

void
check_warn(struct check_line *line, const char *advice, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(line, CHECK_WARN, EX_OK, advice, format, ap);
	va_end(ap);
}

void
check_fail(struct check_line *line, int code, const char *advice,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(line, CHECK_FAIL, code, advice, format, ap);
	va_end(ap);
}
