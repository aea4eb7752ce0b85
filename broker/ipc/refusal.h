/*
 * Why somebody was turned away, or a session broke off: the kinds that the
 * broker remembers and counts, and what each means to people.
 */
#ifndef IPC_REFUSAL_H
#define IPC_REFUSAL_H

#define REFUSAL_REASON_MAX 128 /* cut there: the log line has it all */

enum refusal_kind {
	/* in the TLS handshake: no answer can be given */
	REFUSAL_TLS_NO_CERTIFICATE = 1,
	REFUSAL_TLS_REVOKED,
	REFUSAL_TLS_EXPIRED,
	REFUSAL_TLS_NOT_YET_VALID,
	REFUSAL_TLS_AUTHORITY,   /* of none that the relay knows */
	REFUSAL_TLS_CERTIFICATE, /* another fault of it */
	REFUSAL_TLS_LIST,        /* the list of revoked ones is no good */
	REFUSAL_TLS_OURS,        /* the client refuses the relay's */
	REFUSAL_TLS_PROTOCOL,    /* no TLS, or none that the relay speaks */
	REFUSAL_TLS_TIMEOUT,
	REFUSAL_TLS_CLOSED, /* the client broke off */
	/* behind it */
	REFUSAL_REQUEST, /* what was asked for, and how */
	REFUSAL_LIMIT,   /* by the table of customers, and what it has */
	REFUSAL_ALONE,   /* the other side did not come */
	REFUSAL_RELAY,   /* the relay itself could not */
	REFUSAL_REMOVED, /* it was there, and had to go */
	REFUSAL_SESSION, /* a session did not end well */
};

/* TLS kinds are 1 to this. */
#define REFUSAL_TLS_KINDS REFUSAL_TLS_CLOSED
#define REFUSAL_KINDS     REFUSAL_SESSION

/* Its name for programs, such as "revoked"; static. */
const char *refusal_word(unsigned kind);

/*
 * What helps, in a sentence for who runs the client or the relay. reason is
 * the refusal's; static.
 */
const char *refusal_advice(unsigned kind, const char *reason);

#endif
