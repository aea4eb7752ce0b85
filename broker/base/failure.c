/* Why something failed: see failure.h. */
#include "base/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void write_text(struct failure *f, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
write_text(struct failure *f, const char *format, va_list ap)
{
	const int error = errno;

	vsnprintf(f->text, sizeof(f->text), format, ap);
	errno = error;
}

int
failure(struct failure *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_text(f, format, ap);
	va_end(ap);
	return -1;
}

void *
failure_null(struct failure *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_text(f, format, ap);
	va_end(ap);
	return NULL;
}

int
failure_prefix(struct failure *f, const char *format, ...)
{
	const struct failure rest = *f;
	va_list ap;
	size_t n;

	va_start(ap, format);
	write_text(f, format, ap);
	va_end(ap);
	n = strlen(f->text);
	snprintf(f->text + n, sizeof(f->text) - n, "%s", rest.text);
	return -1;
}
