/*
 * Gives a customer one more certificate, in the file of customers(5): what
 * "relayctl customer" does before the relay reloads.
 */
#ifndef CTL_CUSTOMER_H
#define CTL_CUSTOMER_H

struct ctl_customer {
	int status;     /* EX_OK, or another of sysexits(3): nothing changed */
	int changed;    /* 0: the customer had the certificate already */
	char text[512]; /* what was done, or why it was not */
};

/*
 * Adds certificate, a fingerprint or the path of a PEM file, to the section
 * [name] of the table that the configuration file conf names; the section is
 * made if there is none. Whoever reads the table sees the old or the new one,
 * and the new one only if customers_read takes it.
 */
struct ctl_customer ctl_customer_add(
    const char *conf, const char *name, const char *certificate);

#endif
