/*
 * A handler's other question to relay-keyd(8): whose handshake was it, of which
 * you have signed the first part (ipc/keyd_packet.h)? Or relay-peer's: of which
 * another relay of ours has? The answer is a voucher (ipc/voucher.h).
 */
#ifndef TLS_PROVE_REQUEST_H
#define TLS_PROVE_REQUEST_H

#include "ipc/keyd_packet.h"
#include "ipc/voucher.h"
#include "tls/transcript.h"

/* It ends with the transcript's last byte. */
struct prove_request {
	struct keyd_header header; /* KEYD_PROVE, KEYD_WITNESS */
	uint32_t length;           /* of transcript, to TRANSCRIPT_MAX */
	uint8_t transcript[TRANSCRIPT_MAX];
};

struct prove_answer {
	uint16_t version; /* KEYD_VERSION */
	uint16_t proven;  /* 1, or 0: refused, and reason says why */
	uint8_t voucher[VOUCHER_BYTES];
	char reason[KEYD_REASON_MAX];
};

#endif
