/*
 * What relay-keyd(8) is asked over its socket, one packet a connection, and
 * what it answers, one as well: SOCK_SEQPACKET, of one host, in native byte
 * order. Every request begins with a keyd_header. SIGN is in
 * handlers/tls/sign_request.h, PROVE and WITNESS in
 * handlers/tls/prove_request.h, SECRET in ipc/voucher.h.
 */
#ifndef IPC_KEYD_PACKET_H
#define IPC_KEYD_PACKET_H

#include <stdint.h>

#define KEYD_VERSION    1
#define KEYD_REASON_MAX 80

enum keyd_kind {
	KEYD_SIGN = 1, /* a handler's: this, as the server of a handshake */
	KEYD_PROVE,    /* a handler's: whose handshake it was */
	KEYD_SECRET,   /* the broker's: by what it knows vouchers */
	KEYD_WITNESS,  /* relay-peer's: was it one with a relay of ours? */
};

struct keyd_header {
	uint16_t version; /* KEYD_VERSION */
	uint16_t kind;    /* enum keyd_kind */
};

#endif
