/*
 * The request that a forward sends before its client's bytes, and its escapes:
 * \n, \r, \t, \\, \a (the client's address) and \A (address:port). Pure.
 */
#ifndef STONE_REQUEST_H
#define STONE_REQUEST_H

#include "base/failure.h"
#include "http/head.h"

#include <stddef.h>

/*
 * Whether the request text can be sent: not empty, short enough for the relay
 * (HEAD_MAX_BYTES), and without those escapes of stone that are not served.
 * Returns 0, or -1 with a reason in f.
 */
int stone_request_check(const char *text, struct failure *f);

/*
 * Writes the checked request to out, with the empty line that ends it. peer is
 * the client as "address:port" (netaddr_peer). Returns the length.
 */
size_t stone_request_write(
    char out[static HEAD_MAX_BYTES], const char *text, const char *peer);

/*
 * Writes the checked request with one more field, "Name: value\r\n", to out.
 * Returns the length, or 0 where there is no room for it.
 */
size_t stone_request_write_with(char out[static HEAD_MAX_BYTES],
    const char *text, const char *peer, const char *field);

/*
 * Whether the checked request can be sent for many connections at once: it
 * names no client, and leaves room for X-Mux. Returns 0, or -1 with a reason in
 * f.
 */
int stone_request_check_shared(const char *text, struct failure *f);

/*
 * Whether that is to be done without having been asked for: also, it is none to
 * a web server, to which an agent could lead, and which would get X-Mux.
 */
int stone_request_may_share(const char *text);

/*
 * Writes such a request, with X-Mux in it, to out, and to authority what it
 * asks the agent for (mux/mux.h). Returns the length.
 */
size_t stone_request_write_shared(char out[static HEAD_MAX_BYTES],
    const char *text, char authority[static HEAD_SERVICE_MAX]);

#endif
