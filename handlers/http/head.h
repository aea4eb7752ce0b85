/*
 * The request head: one pure parse that finds its end, checks it, tells the
 * role that it asks for, and writes it anew for the agent.
 *
 * Lines end in CRLF or bare LF (a hand-typed s_client sends those); empty
 * lines before the request line are skipped (RFC 9112 2.2) but count. What
 * RFC 9112 leaves to the server's mercy is refused: NUL and other control
 * characters, bare CR, obs-fold, an empty or spaced field name, two X-Ver.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/netaddr.h"

#include <stddef.h>
#include <stdint.h>

#define HEAD_MAX_BYTES 8192 /* browsers with large cookies stay below */
#define HEAD_MAX_LINES 64   /* request line and fields */

/* Room for what two handlers add to the longest head: a field each. */
#define HEAD_FORWARD_MAX (HEAD_MAX_BYTES + 128)

#define HEAD_SERVICE_MAX 64 /* a service's name and its NUL */
#define HEAD_VERSION_MAX 32 /* of an agent; cut there */

enum head_kind {
	HEAD_STONE,     /* any method and path but those below */
	HEAD_POLL,      /* GET /KLAB/poll */
	HEAD_PAGE,      /* GET /KLAB/ */
	HEAD_NOT_FOUND, /* GET /KLAB/ anything else */
};

struct head {
	enum head_kind kind;
	size_t start;   /* where the request line begins */
	size_t length;  /* up to and with the empty line, from buf's start */
	int has_host;   /* it carries Host: a request to a web server */
	int takes_body; /* it carries Host, as of browsers, and isn't HEAD */
	int takes_json; /* Accept is application/json: the page's data */
	int check;      /* X-Check: 1: it is only to tell how it would go */
	uint64_t agent; /* X-Agent, 0 without */
	int seal;       /* X-Seal: the stone offers to seal the session */
	int bare;       /* X-Bare: its sender can go bare */
	int park;       /* X-Park: the agent can be parked */
	char version[HEAD_VERSION_MAX]; /* a poll's: X-Ver's second word */
	char service[HEAD_SERVICE_MAX]; /* X-Service, "" without */
	/* X-Forwarded-For, the last; only one that a relay wrote is true */
	char forwarded_for[NETADDR_TEXT_MAX];
	int status;         /* of a refusal: 400 or 431 */
	const char *reason; /* of a refusal; static */
};

enum head_result {
	HEAD_BAD = -1, /* refuse it with head->status and head->reason */
	HEAD_MORE = 0, /* its end has not come yet */
	HEAD_DONE = 1,
};

/*
 * Parses the head at buf's start. max is the largest length that is taken
 * (HEAD_MAX_BYTES, or HEAD_FORWARD_MAX for one that a relay wrote).
 */
enum head_result head_parse(
    struct head *head, const char *buf, size_t len, size_t max);

/* A field of a head; neither half is terminated. */
struct head_field {
	const char *name, *value; /* white space around the value is cut */
	size_t name_len, value_len;
};

/* Whether the field has this name, in any case of letters. */
int head_field_is(const struct head_field *field, const char *name);

/*
 * Walks the fields of the parsed head in buf. *at is where to go on; it starts
 * as 0. Returns 1, or 0 after the last.
 */
int head_next_field(const struct head *head, const char *buf, size_t *at,
    struct head_field *field);

/*
 * Writes the parsed head in buf to out, without any X-Bare or X-Forwarded-For
 * and with one of the latter that names host. Returns its length.
 */
size_t head_forward(const struct head *head, const char *buf, const char *host,
    char out[static HEAD_FORWARD_MAX]);

/*
 * Writes X-Bare behind all fields of the len bytes of head, which head_forward
 * wrote. Returns its new length.
 */
size_t head_mark(char head[static HEAD_FORWARD_MAX], size_t len);

#endif
