/* A session that is a check: see probe.h. */
#include "agent/probe.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TARGET_MS 10000
#define SEND_MS   10000
#define LINGER_MS 2000
#define LINE_MS   30000 /* for the next line to come */
#define LINE_SIZE 32
#define LINES_MAX 64

struct probe {
	const struct agent_conf *conf;
	const struct head *head;
	struct channel *relay;
	size_t len; /* of what is in buf */
	char buf[LINE_SIZE];
};

static int
say(const struct probe *p, const char *text)
{
	return channel_write_all(
	    p->relay, text, strlen(text), deadline_in(SEND_MS));
}

static int64_t
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* "STATUS MICROSECONDS REASON" */
static int
answer_target(const struct probe *p)
{
	const struct target *t = target_find(
	    p->conf->targets, p->conf->ntargets, p->head->service);
	const int64_t start = microseconds();
	struct failure f = {.text = "reached"};
	char text[64 + sizeof(f.text)];
	int fd = -1, status = 404;

	if (t == NULL) {
		failure(&f, "No such service");
	} else {
		fd = target_dial(t, deadline_in(TARGET_MS), &f);
		status = fd == -1 ? 502 : 200;
	}
	fd_close(&fd);
	snprintf(text, sizeof(text), "%d %lld %s\r\n", status,
	    (long long)(microseconds() - start), f.text);
	return say(p, text);
}

static int
answer(const struct probe *p, const char *line)
{
	if (strcmp(line, "ping") == 0)
		return say(p, "pong\r\n");
	if (strcmp(line, "target") == 0)
		return answer_target(p);
	return say(p, "400 0 Unknown\r\n");
}

/* Takes the next line into line. Returns 1, 0 at the clean end, or -1. */
static int
next_line(struct probe *p, char line[static LINE_SIZE])
{
	const int64_t deadline = deadline_in(LINE_MS);
	const char *lf;
	size_t len;

	while ((lf = memchr(p->buf, '\n', p->len)) == NULL) {
		ssize_t n = channel_read_by(
		    p->relay, p->buf + p->len, LINE_SIZE - p->len, deadline);

		if (n == 0 || p->len == LINE_SIZE)
			return n == 0 && p->len == 0 ? 0 : -1;
		if (n > 0)
			p->len += (size_t)n;
		else if (errno != EAGAIN)
			return -1;
	}
	len = (size_t)(lf - p->buf);
	memcpy(line, p->buf, len);
	line[len] = '\0';
	line[strcspn(line, "\r")] = '\0';
	p->len -= len + 1;
	memmove(p->buf, lf + 1, p->len);
	return 1;
}

int
agent_probe_run(const struct agent_conf *conf, struct channel *relay,
    const struct head *head, const char *buf, size_t len)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n"
				 "X-Check: 1 relayagent/" VERSION "\r\n\r\n";
	struct probe p = {.conf = conf, .head = head, .relay = relay};
	char line[LINE_SIZE];
	int rc = 1;

	log_event(LOG_INFO, "checked", "client", head->forwarded_for, "service",
	    head->service, NULL);
	len -= head->length;
	if (len > sizeof(p.buf) || say(&p, ok) == -1)
		return -1;
	memcpy(p.buf, buf + head->length, len);
	p.len = len;
	for (int i = 0; rc == 1 && i < LINES_MAX; i++) {
		rc = next_line(&p, line);
		if (rc == 1 && answer(&p, line) == -1)
			rc = -1;
	}
	if (rc != 0)
		return -1;
	channel_linger(relay, deadline_in(LINGER_MS));
	return 0;
}
