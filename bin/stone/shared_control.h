/*
 * What relay-stone and the processes of its shared sessions tell each other,
 * on a SOCK_SEQPACKET pair, and the connections that they hand over with it.
 */
#ifndef STONE_SHARED_CONTROL_H
#define STONE_SHARED_CONTROL_H

enum shared_control_what {
	/* from a session's process */
	HANDOVER_READY = 'r', /* it takes connections from now on */
	HANDOVER_FULL = 'f',  /* it takes no more, for good; it drains */
	HANDOVER_PLAIN = 'p', /* the agent takes one connection a session */
	HANDOVER_LOAD = 'l',  /* how busy it is: value is a shared_load_level */
	/* to it */
	HANDOVER_REST = 'w',   /* leave new connections to others for now */
	HANDOVER_LISTEN = 'a', /* take them again */
	HANDOVER_STOP = 's',   /* take no more connections, and drain */
	/* either way, with a descriptor: one that is to be served */
	HANDOVER_CONNECTION = 'c',
};

struct shared_control {
	unsigned char what;
	unsigned char value; /* of a connection: sessions that had it */
};

/* Sends h, and fd beside it unless that is -1. Returns 0, or -1 with errno. */
int shared_control_send(int sock, const struct shared_control *h, int fd);

/*
 * Receives one. Returns 1, with *fd -1 or a descriptor that the caller closes,
 * as it is there with a connection and with nothing else; 0 at the end; or -1
 * with errno.
 */
int shared_control_receive(int sock, struct shared_control *h, int *fd);

#endif
