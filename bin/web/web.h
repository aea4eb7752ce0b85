/*
 * The way to a web server: two channels around those of the relay and of the
 * target, for the splice to move bytes between. What is read of the first are
 * requests fit for the target (request.h); what is read of the second are
 * its answers, and behind the last one the refusal of a request, if one was.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "channel/channel.h"
#include "http/reply.h"
#include "web/answers.h"
#include "web/request.h"

struct web {
	/* for the splice; over those of the relay and of the target */
	struct channel client, server;
	struct web_request requests;
	struct web_answers answers;
	int client_ended; /* the relay's clean end has come */
	int refusal_sent;
};

/*
 * Begins with the first request, whose head and what came behind it are the len
 * bytes in buf, at most WEB_INPUT_MAX. relay and target stay the caller's, to
 * close. The first request can be read of web->client before target is there;
 * web_join tells when it is.
 */
void web_init(struct web *web, const struct web_rules *rules,
    struct channel *relay, const char *buf, size_t len);
void web_join(struct web *web, struct channel *target);

#endif
