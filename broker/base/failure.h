/* Why something failed: one line of text, for who reports it. */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

/* bytes with the NUL, as many as program_fail reports (program.h) */
#define FAILURE_MAX 512

struct failure {
	char text[FAILURE_MAX];
};

/*
 * Sets f's text, cut where it is too long; f->text must be no argument.
 * Leaves errno as it is. Returns -1, for the caller to return.
 */
int failure(struct failure *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same where a pointer is returned. Returns NULL. */
void *failure_null(struct failure *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts a text before what f says, such as "FILE:LINE: ". Returns -1. */
int failure_prefix(struct failure *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
