/*
 * What relay-presence reads of relay.conf(5) and of the files that it names:
 * this relay's name, where the store is, and what to say to it.
 */
#ifndef PRESENCE_SETTINGS_H
#define PRESENCE_SETTINGS_H

#include "base/failure.h"
#include "config/relay_conf.h"
#include "tls/tls.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SETTINGS_SECRET_MIN   16 /* bytes; fewer could be guessed */
#define SETTINGS_PASSWORD_MAX 512
#define SETTINGS_DIGEST       32 /* SHA-256 */

struct settings_place {
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_storage net;
	} address;
	socklen_t len;
	int is_local;                /* a socket of the Unix domain */
	char text[NETADDR_TEXT_MAX]; /* for the log */
};

struct settings {
	struct relay_conf conf;
	char node[NODE_NAME_SIZE];                     /* this relay's own */
	struct settings_place places[CONF_STORES_MAX]; /* as conf.stores */
	uint8_t secret[SETTINGS_DIGEST];               /* of the file's bytes */
	char password[SETTINGS_PASSWORD_MAX];          /* "": none is asked */
	struct tls_material tls;                       /* ctx NULL: no TLS */
};

/*
 * Reads the file at path and those that it names. Returns 0, or -1 with a
 * reason in f and nothing to free.
 */
int settings_load(struct settings *s, const char *path, struct failure *f);

/* Whether who is connected by a could go on by b. */
int settings_same_store(const struct settings *a, const struct settings *b);

void settings_free(struct settings *s);

#endif
