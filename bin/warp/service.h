/*
 * A client as a service of this host, which is what --install makes of a
 * command line: its .warp file and a configuration among those of the host, and
 * a unit of systemd(1). Each function ends the program, as program_fail does,
 * with a line that says what to do.
 */
#ifndef WARP_SERVICE_H
#define WARP_SERVICE_H

#include <stddef.h>
#include <sys/types.h>

struct warp_service {
	const char *program; /* whose unit is program@name.service */
	const char *warp;    /* the file, as it was named */
	char name[80];       /* that of the file, without .warp */
	uid_t uid;           /* as whom the unit runs, and who has the key */
	gid_t gid;
};

/* Begins one of program, which runs as user. Only root can. */
void warp_service_begin(
    struct warp_service *s, const char *program, const char *user);

/* Takes the file, which must outlive s; NULL is a command line without one. */
void warp_service_take(struct warp_service *s, const char *warp);

/* A service has its .warp file and no further: refuses one that word names. */
void warp_service_no_further(const struct warp_service *s, const char *word)
    __attribute__((noreturn));

/*
 * Copies the .warp file, and a key beside it, for the service's user alone;
 * writes the len bytes at text as the configuration, where that is not somebody
 * else's; and has systemd, where it runs, start the unit now and with the host.
 * Says what was done.
 */
void warp_service_install(
    const struct warp_service *s, const char *text, size_t len);

#endif
