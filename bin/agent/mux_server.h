/*
 * A session of the agent that carries many connections: the server of
 * mux/mux.h. Each stream is led to the target that its authority names.
 */
#ifndef AGENT_MUX_SERVER_H
#define AGENT_MUX_SERVER_H

#include "agent/conf.h"
#include "mux/mux.h"

/* What it came to, for the log. */
struct agent_mux_end {
	enum mux_result result;
	uint64_t streams;
	char error[128]; /* why it broke; "" where it did not */
};

/* Whether the head of a stone asks for it, among what it offers. */
int agent_mux_wanted(const struct head *head, const char *buf);

/*
 * Serves the session on relay, which stays the caller's, to close. The len
 * bytes in buf came behind the head; client is the stone's address. Ends in
 * order, by GOAWAY, at SIGTERM, SIGINT and SIGHUP, which it blocks.
 */
void agent_mux_run(const struct agent_conf *conf, struct channel *relay,
    const char *client, const char *buf, size_t len, struct agent_mux_end *end);

/* ---- for agent_mux_run, and for tests without its signals ---- */

struct agent_mux;

/* Returns a server on relay, or NULL with errno. conf and client are kept. */
struct agent_mux *agent_mux_new(
    const struct agent_conf *conf, struct channel *relay, const char *client);
struct mux *agent_mux_session(struct agent_mux *a);
void agent_mux_free(struct agent_mux *a);

#endif
