/*
 * What stands between somebody and a session, in one line: the pure half of
 * relayctl why.
 */
#ifndef CTL_VERDICT_H
#define CTL_VERDICT_H

#include "ipc/admin_rows.h"

#include <stddef.h>
#include <stdint.h>

#define VERDICT_MAX 512

/* Whom the question is about. */
enum subject { SUBJECT_CUSTOMER, SUBJECT_CERTIFICATE, SUBJECT_ADDRESS };

/* All that is known of it. */
struct facts {
	enum subject subject;
	const struct row_customer *customer; /* NULL: none, or unknown */
	const char *fault; /* why its certificate is no good; NULL: unknown */
	unsigned agents, stones, sessions; /* of its own, now */
	const struct row_refusal *last;    /* NULL: none is remembered */
	uint64_t now;                      /* Unix time */
};

/* Writes the verdict. Returns whether all is well. */
int verdict(const struct facts *facts, char *text, size_t size);

#endif
