/* What a test program does where something is not as it has to be. */
#ifndef PROGRAMS_NEED_H
#define PROGRAMS_NEED_H

#include <stdio.h>
#include <stdlib.h>

/* Gives up, and says what failed, unless ok. */
static inline void
need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "failed: %s\n", what);
	exit(1);
}

#endif
