/*
 * A handler's standing with the broker: registered and waiting, or in a
 * session. The broker may go away and come back at any time; a registration
 * finds it again by itself, after a random delay (reconnect.h) so that a
 * thousand handlers do not come at once.
 */
#ifndef CONNECTION_REGISTRATION_H
#define CONNECTION_REGISTRATION_H

#include "ipc/wire.h"

#include <stdint.h>

struct registration {
	const char *socket; /* borrowed */
	int fd;             /* -1: not connected */
	int64_t retry_at;   /* base/deadline.h; when to connect again */
	unsigned tries;     /* in vain, since the broker was lost */
	int error;          /* errno of the last of them; 0: it hung up */
	uint32_t present;   /* with the broker that was lost, as it said last */
	uint32_t park_after; /* seconds, as it said last; 0: never */
	struct message_register self;
	const uint8_t *der; /* borrowed, and all that self says is behind it */
	int checks;         /* it asks, and does not wait */
	uint32_t session;   /* 0: in none */
	uint64_t started;   /* of the session, CLOCK_BOOTTIME seconds */
	uint64_t bytes_in;  /* of it, as last reported */
	uint64_t bytes_out;
	uint32_t tls;              /* likewise, enum session_tls */
	enum attach_kind attaches; /* a spawner's */
	int64_t loaded;            /* a spawner's: when it read its files */
	int badge;                 /* a spawner's, borrowed */
};

/* Starts as away, due at once. socket, peer and der are borrowed. */
void registration_init(struct registration *r, const char *socket,
    enum role role, uint32_t wants, uint64_t agent, const char *peer,
    const uint8_t *der, uint32_t der_len);

/*
 * The same for a spawner, which the broker tells when to load its files again.
 * loaded (base/deadline.h) is when it began to, the last time; badge
 * (ipc_socket_badge), which is borrowed, shows that it is one.
 */
void registration_init_spawner(struct registration *r, const char *socket,
    enum attach_kind kind, int64_t loaded, int badge);

/*
 * Connects if that is due, and says REGISTER, or ANNOUNCE within a session, or
 * ATTACH as a spawner. Where the broker isn't there a later attempt becomes
 * due.
 */
void registration_connect(struct registration *r);

/* When registration_connect is due; DEADLINE_NONE while connected. */
int64_t registration_due(const struct registration *r);

/* Whether the broker has been away for longer than a restart takes. */
int registration_missing(const struct registration *r);

/* Logs that it is not there, and where; at most once a minute. */
void registration_complain(const struct registration *r);

/* For the child of a process that complains: it never does. */
void registration_hush(void);

/*
 * Receives one message of the broker. Returns 1, or 0 where there is none (the
 * broker may just have gone: then a later attempt is due). A MATCHED message
 * puts the registration into its session.
 */
int registration_receive(struct registration *r, struct wire_packet *packet);

/* The session came to nothing; wait on. */
void registration_wait_again(struct registration *r);

/* Tells the broker m, if it is there. */
void registration_tell(struct registration *r, const struct message *m);

/*
 * Reports what has moved since the session began, and tls (enum session_tls),
 * if the broker is there.
 */
void registration_progress(struct registration *r, uint64_t bytes_in,
    uint64_t bytes_out, uint32_t tls);

/* Reports the end of the session, if the broker is there. */
void registration_end(struct registration *r, enum end_reason reason,
    uint64_t bytes_in, uint64_t bytes_out, uint32_t tls);

/* Leaves the broker. */
void registration_close(struct registration *r);

#endif
