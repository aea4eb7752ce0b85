/*
 * Parked polls that outlive a restart of the broker, where its service manager
 * keeps descriptors for a service (sd_notify(3), FDSTORE=1): it is given two,
 * however many are parked. One is a file in memory that says who they are, the
 * other a socket in which their connections lie, sent and not received, in the
 * same order.
 */
#ifndef PARKED_STORE_H
#define PARKED_STORE_H

struct broker;

struct parked_store {
	int table; /* -1: nothing is kept */
	int connections;
};

/*
 * Finds what the environment says is kept for this process, whose first
 * descriptors it is (base/activation.h). Call it before harden_process_keeping,
 * which is to spare count of them, from ACTIVATION_FIRST on. Returns count; 0:
 * nothing was kept.
 */
int parked_store_find(struct parked_store *s);

/*
 * Has the broker, which has just been made, go on with who is kept in s, as far
 * as they still may, and closes that.
 */
void parked_store_restore(struct parked_store *s, struct broker *b);

/*
 * Gives the service manager all who are parked, for the next broker. This one
 * is to end now. Where nobody wants them, or they do not fit, nothing is done
 * for them.
 */
void parked_store_save(struct broker *b);

#endif
