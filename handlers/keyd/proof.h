/*
 * Whose handshake it was: what a transcript proves to who has signed its first
 * part.
 */
#ifndef KEYD_PROOF_H
#define KEYD_PROOF_H

#include "keyd/signed.h"
#include "tls/sign_request.h"
#include "tls/transcript.h"

/*
 * Notes for proof_check what was signed for pid by r and a; it counts until
 * then (base/deadline.h). Returns 0, or -1 without memory.
 */
int proof_note(struct signed_memory *m, pid_t pid, int64_t until,
    const struct sign_request *r, const struct sign_answer *a);

/*
 * Whether the transcript, len bytes, is of a handshake that is in m for pid,
 * and its client has signed all of it with the key of its certificate, which p
 * then tells. Returns NULL, or why not, a static string.
 */
const char *proof_check(struct signed_memory *m, pid_t pid, int64_t now,
    const uint8_t *transcript, size_t len, struct transcript_parts *p);

#endif
