/*
 * A voucher: relay-keyd(8) says to the broker that a client proved to one
 * process that it has the key of a certificate, or to a relay elsewhere, as
 * that process has shown. It is a MAC over the certificate, the process and
 * which of both it was, by a secret that those two share, so a handler can
 * carry it, but neither make one nor use that of another.
 */
#ifndef IPC_VOUCHER_H
#define IPC_VOUCHER_H

#include "base/failure.h"
#include "ipc/keyd_packet.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VOUCHER_BYTES        32 /* HMAC-SHA256 */
#define VOUCHER_SECRET_BYTES 32

/* To whom the client has proved it. */
enum voucher_kind {
	VOUCHER_HERE = 1,  /* the process itself */
	VOUCHER_ELSEWHERE, /* another relay, of which the process is told */
};

struct voucher_secret_request {
	struct keyd_header header; /* KEYD_SECRET */
};

struct voucher_secret_answer {
	uint16_t version; /* KEYD_VERSION */
	uint16_t known;   /* 1: secret follows */
	uint8_t secret[VOUCHER_SECRET_BYTES];
};

/*
 * Vouches to the process pid for the certificate in der, len bytes. Returns 0,
 * or -1 without memory.
 */
int voucher_make(uint8_t voucher[static VOUCHER_BYTES],
    const uint8_t secret[static VOUCHER_SECRET_BYTES], enum voucher_kind kind,
    const uint8_t *der, size_t len, pid_t pid);

/* Whether it is that voucher, in constant time. */
int voucher_is_good(const uint8_t voucher[static VOUCHER_BYTES],
    const uint8_t secret[static VOUCHER_SECRET_BYTES], enum voucher_kind kind,
    const uint8_t *der, size_t len, pid_t pid);

/* Whether there is one at all: none is all zero. */
int voucher_is_there(const uint8_t voucher[static VOUCHER_BYTES]);

/*
 * Asks the relay-keyd at socket for the secret, and waits most_ms for its
 * answer. Returns 0, or -1 with the reason in f.
 */
int voucher_secret_ask(uint8_t secret[static VOUCHER_SECRET_BYTES],
    const char *socket, int most_ms, struct failure *f);

#endif
