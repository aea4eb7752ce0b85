/*
 * "check": why a client of the relay works, or does not. Steps run one after
 * the other, each from a row of a table; each tells in a line how it went and,
 * where that was not well, what to do. The steps up to the relay's answer are
 * here; those of relayagent and relay-stone alone are in their own rooms.
 *
 *	local.c   key, certificate
 *	way.c     name, tcp, proxy
 *	tls.c     tls, in the words of distrust.c where it fails
 *	answer.c  identity, poll, clock
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "channel/channel_tls.h"
#include "check/report.h"
#include "dial/proxy.h"
#include "http/response.h"
#include "tls/tls.h"

#include <stddef.h>
#include <stdint.h>

struct addrinfo;

/* What the steps need, and what they leave for those behind them. */
struct check {
	struct check_report *report;
	/* of the client, all borrowed */
	const struct proxy *proxy;
	const struct tls_material *tls;
	const struct netaddr *place; /* the relay */
	const char *server_name;     /* that its certificate must carry */
	const char *program;         /* for X-Ver */
	uint32_t wants; /* the type that the customer must have; 0: any */
	/* found on the way */
	struct addrinfo *addresses; /* of it, or of its proxy */
	int fd;                   /* TCP to the relay or its proxy; -1: none */
	struct channel_tls relay; /* channel.fd -1: none */
	struct response response;
};

/* A step: does it, and says in line how that went. */
struct check_step {
	const char *name;
	void (*run)(struct check *check, struct check_line *line);
	/* whether it has anything to do; NULL: always */
	int (*applies)(const struct check *check);
};

/*
 * Runs n steps up to the first that fails, about the thing called subject ("":
 * this host). Returns 0, or -1 where one failed.
 */
int check_run(struct check *check, const char *subject,
    const struct check_step *steps, size_t n);

/*
 * Reports what became of the configuration called name: part is the step that
 * failed, "configuration", "key" or "certificate", for the reason in f, or NULL
 * where none did. Returns 0, or -1 where there is none to go on with.
 */
int check_configuration(struct check *check, const char *name, const char *part,
    const struct failure *f);

/*
 * Looks at key and certificate of check->tls. What is out of date is told, and
 * no reason not to go on: the clock may be wrong.
 */
void check_material(struct check *check, const char *subject);

/*
 * Asks the relay at check->place, from its name to its clock. Returns 0, or -1
 * where a step failed.
 */
int check_relay(struct check *check);

/* Closes what the steps have opened. */
void check_close(struct check *check);

/* The steps, in the order of check_relay's table. */
void check_step_name(struct check *check, struct check_line *line);
void check_step_tcp(struct check *check, struct check_line *line);
void check_step_proxy(struct check *check, struct check_line *line);
int check_has_proxy(const struct check *check);
void check_step_tls(struct check *check, struct check_line *line);
void check_step_identity(struct check *check, struct check_line *line);
void check_step_poll(struct check *check, struct check_line *line);
void check_step_clock(struct check *check, struct check_line *line);
int check_has_date(const struct check *check);

/* Milliseconds since some time before, with their fractions. */
double check_now(void);

#endif
