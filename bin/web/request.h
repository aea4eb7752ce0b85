/*
 * The requests of one client, as they pass to a web server: each head is
 * checked and rewritten (head.h), each body is followed to its end and, if
 * chunked, chunked anew. llhttp says what ends where; it is shown what the web
 * server gets, so that both read the same. Pure: bytes in, bytes out.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "web/head.h"

#include <llhttp.h>

/* Bytes of a client that wait to be looked at. */
#define WEB_INPUT_MAX (2 * HEAD_FORWARD_MAX)

/* Free room that a call of web_request_move needs, and a head at most fills. */
#define WEB_OUTPUT_MIN WEB_HEAD_MAX

enum web_phase {
	WEB_HEAD,    /* a request begins, or has begun */
	WEB_BODY,    /* its body */
	WEB_ASKED,   /* for an upgrade: until web_request_answered */
	WEB_TUNNEL,  /* upgraded: bytes of another protocol */
	WEB_CLOSED,  /* the last request is over; what comes is dropped */
	WEB_REFUSED, /* with status and reason */
};

/* What becomes of the web server's answers hangs on these. */
struct web_asked {
	int head_only; /* HEAD: no body in the answer */
	int upgrade;
};

struct web_request {
	struct web_rules rules;
	enum web_phase phase;
	int late;           /* a refusal's: the web server has had the head */
	int status;         /* of a refusal */
	const char *reason; /* static */
	llhttp_t parser;
	struct web_asked asked; /* by the request that has begun */
	int complete;           /* it has ended */
	int keep_alive;         /* another may follow */
	struct web_output {
		char *at;
		size_t used, size;
	} out;
	size_t len; /* of what is in buf */
	char buf[WEB_INPUT_MAX];
};

void web_request_init(struct web_request *w, const struct web_rules *rules);

enum web_moved {
	WEB_MOVED, /* something may have been written; call again */
	WEB_BEGUN, /* likewise, and w->asked is that of a new request */
	WEB_MORE,  /* more must come into buf */
	WEB_STOP,  /* the phase is ASKED or REFUSED: nothing passes */
};

/*
 * Takes from buf and writes to out, size bytes, at least WEB_OUTPUT_MIN; sets
 * *used. The caller adds what arrives to buf at len.
 */
enum web_moved web_request_move(
    struct web_request *w, char *out, size_t size, size_t *used);

/* The answer to the upgrade that was asked for. */
void web_request_answered(struct web_request *w, int upgraded);

/* Refuses what comes; from now on nothing passes. */
void web_request_refuse(struct web_request *w, int status, const char *reason);

#endif
