/*
 * The web server's answers, looked at as they pass unchanged: which request is
 * the next to be answered, and whether an upgrade was granted. Pure.
 */
#ifndef WEB_ANSWERS_H
#define WEB_ANSWERS_H

#include "web/request.h"

#define WEB_PENDING_MAX 32 /* requests sent ahead of their answers */

enum web_verdict { WEB_UNDECIDED, WEB_UPGRADED, WEB_NOT_UPGRADED };

struct web_answers {
	llhttp_t parser;
	struct web_asked pending[WEB_PENDING_MAX];
	size_t npending;
	int within; /* an answer has begun and not ended */
	/*
	 * An answer that llhttp does not understand: they still pass, but
	 * nothing is known of them any more.
	 */
	int blind;
	enum web_verdict verdict; /* on the upgrade that is pending, if any */
};

void web_answers_init(struct web_answers *a);

/* Whether one more request can be sent now. */
int web_answers_room(const struct web_answers *a);

/* A request has been sent; there was room. */
void web_answers_expect(struct web_answers *a, const struct web_asked *asked);

/* Looks at len bytes that the web server sent. */
void web_answers_see(struct web_answers *a, const char *buf, size_t len);

/* The web server has ended: nothing more is to be known of it. */
void web_answers_end(struct web_answers *a);

/* Whether every request is known to be answered in full. */
int web_answers_idle(const struct web_answers *a);

/* Whether all but the last are, and nothing has come for that. */
int web_answers_await_last(const struct web_answers *a);

#endif
