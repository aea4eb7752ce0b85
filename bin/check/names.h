/*
 * Names in certificates, as people know them.
 */
#ifndef CHECK_NAMES_H
#define CHECK_NAMES_H

#include <openssl/x509.h>

#define CHECK_NAME_MAX 128 /* bytes of a name, quotes and NUL */

/*
 * Writes name in quotes to text: its common name or, for want of one, the
 * organization; cut where it is too long.
 */
void check_name_of(const X509_NAME *name, char text[static CHECK_NAME_MAX]);

/*
 * Writes the hosts that the certificate is for, as openssl(1) does:
 * "DNS:a.example.org, IP Address:192.0.2.1", cut where they are too many.
 */
void check_hosts_of(const X509 *certificate, char *text, size_t size);

/*
 * Whether name sounds like a device or a program that opens TLS to look into
 * it, as companies have.
 */
int check_name_inspects(const X509_NAME *name);

#endif
