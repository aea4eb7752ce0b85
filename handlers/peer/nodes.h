/*
 * What the processes of crossings tell relay-peer: which place has failed, and
 * which certificate the relay at the other end has shown, so that one that is
 * revoked loses the crossings that live.
 */
#ifndef PEER_NODES_H
#define PEER_NODES_H

#include "config/node_name.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct node_link; /* one crossing */

struct nodes {
	int told, tell;         /* packets, of all children; -1: none */
	struct node_link *live; /* by process */
};

/* Makes both ends. Returns 0, or -1 with errno. */
int nodes_open(struct nodes *nodes);

/* ---- in a child, which has closed told ---- */

/*
 * The relay at this place, by its number, has failed, or is down still, as an
 * agent was sought for the stone with this number.
 */
void nodes_tell_down(const struct nodes *nodes, size_t place, uint32_t stone);

/*
 * The peer of ssl is the relay called name, and this process serves a crossing
 * with it. Returns 0, or -1 with errno: then it must not.
 */
int nodes_tell_link(
    const struct nodes *nodes, const char *name, const SSL *ssl);

/* ---- in the parent ---- */

/* What is to be done about a place that has failed so. */
typedef void nodes_down(void *arg, size_t place, uint32_t stone);

/* Hears what they say, and calls down, with arg, for each such place. */
void nodes_hear(struct nodes *nodes, nodes_down *down, void *arg);

/*
 * Ends, by a signal, the crossings with relays whose certificate store does not
 * accept any more, and logs that.
 */
void nodes_recheck(const struct nodes *nodes, X509_STORE *store);

/* The process has ended. Returns whether nodes_recheck has seen to that. */
int nodes_ended(struct nodes *nodes, pid_t pid);

/* Closes and frees all; in a child without a word to anybody. */
void nodes_free(struct nodes *nodes);

#endif
