/*
 * How a client of the relay that runs is doing: it has a Unix socket, where it
 * says so to its own user and root, as one JSON document a connection; and
 * "status" asks there.
 *
 * The socket is NAME.status, where the configuration is NAME.conf: in the
 * service manager's $RUNTIME_DIRECTORY, or else beside the configuration.
 */
#ifndef STATUS_STATUS_H
#define STATUS_STATUS_H

#include "base/failure.h"

#include <jansson.h>
#include <stdint.h>
#include <time.h>

/* Notes $RUNTIME_DIRECTORY; before the environment is emptied. */
void status_keep(void);

/*
 * Listens for program with the configuration conf ("": none). Returns an fd,
 * which the caller closes, or -1 with a reason in f, which is "" where there is
 * no place for it. Changes the umask for a moment.
 */
int status_listen(const char *program, const char *conf, struct failure *f);

/* Whether anybody asks at listener, which may be -1. */
int status_is_asked(int listener);

/* Answers those who ask at listener with doc. Does not block. */
void status_answer(int listener, const json_t *doc);

/*
 * Asks the program with the configuration conf. Returns its answer, for
 * json_decref, or NULL with a reason in f.
 */
json_t *status_ask(const char *program, const char *conf, struct failure *f);

/*
 * Runs "status": asks, and prints the answer, as JSON or by print, which gets
 * it. Returns a sysexits(3) code.
 */
int status_run(const char *program, const char *conf, int json,
    void (*print)(const json_t *doc));

/* The fields that all documents have, for the caller to add to. */
json_t *status_begin(const char *program, time_t started);

/* Parts of a document: null for the text "" and the time 0. */
json_t *status_text(const char *text);
json_t *status_time(int64_t when);

/* The text, or "-" for null or what is missing; borrowed. */
const char *status_word(const json_t *object, const char *key);

#endif
