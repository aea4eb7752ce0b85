/* What a handler tells of refusals: see report.h. */
#include "connection/report.h"
#include "base/fd.h"
#include "channel/tcp.h"
#include "connection/reverify.h"
#include "ipc/ipc_socket.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

static enum refusal_kind
kind_of_verify(long verify)
{
	switch (verify) {
	case X509_V_ERR_CERT_REVOKED:
		return REFUSAL_TLS_REVOKED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return REFUSAL_TLS_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return REFUSAL_TLS_NOT_YET_VALID;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return REFUSAL_TLS_AUTHORITY;
	default:
		return reverify_is_of_lists((int)verify)
			   ? REFUSAL_TLS_LIST
			   : REFUSAL_TLS_CERTIFICATE;
	}
}

static enum refusal_kind
kind_of_handshake(int error, long verify)
{
	switch (error) {
	case EKEYREJECTED:
		return kind_of_verify(verify);
	case ENOKEY:
		return REFUSAL_TLS_NO_CERTIFICATE;
	case EACCES:
		return REFUSAL_TLS_OURS;
	case ETIMEDOUT:
		return REFUSAL_TLS_TIMEOUT;
	case ECONNRESET:
		return REFUSAL_TLS_CLOSED;
	default:
		return REFUSAL_TLS_PROTOCOL;
	}
}

/* What comes from outside is shown on terminals. */
static void
make_plain(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void
tell(struct handler *h, struct message *m, const char *reason)
{
	int fd;

	memcpy(m->u.refusal.peer, h->peer, sizeof(m->u.refusal.peer));
	snprintf(
	    m->u.refusal.reason, sizeof(m->u.refusal.reason), "%s", reason);
	make_plain(m->u.refusal.reason);
	if (h->registration.fd != -1) {
		registration_tell(&h->registration, m);
		return;
	}
	fd = ipc_socket_connect(h->conf->socket);
	if (fd != -1)
		wire_send(fd, m, NULL);
	fd_close(&fd);
}

void
report_handshake(struct handler *h, const struct tls_refusal *refusal,
    int error, const char *reason)
{
	struct message m = {.type = MESSAGE_REFUSAL};

	/* without one, it failed before TLS began */
	m.u.refusal.kind = kind_of_handshake(error,
	    h->tls.ssl == NULL ? X509_V_OK : SSL_get_verify_result(h->tls.ssl));
	if (refusal->identity[0] != '\0')
		identity_parse(&m.u.refusal.identity, refusal->identity);
	m.u.refusal.fingerprint = refusal->fingerprint;
	tell(h, &m, reason);
}

void
report_refusal(
    struct handler *h, enum refusal_kind kind, int status, const char *reason)
{
	struct message m = {.type = MESSAGE_REFUSAL};

	m.u.refusal.kind = kind;
	m.u.refusal.status = (uint32_t)status;
	identity_parse(&m.u.refusal.identity, h->identity);
	m.u.refusal.fingerprint = h->fingerprint;
	tell(h, &m, reason);
}

void
report_link(struct handler *h)
{
	struct message m = {.type = MESSAGE_LINK};
	struct message_link *link = &m.u.link;

	tcp_measure(h->tls.channel.fd, &link->rtt, &link->retransmits);
	snprintf(link->version, sizeof(link->version), "%s", h->head.version);
	make_plain(link->version);
	registration_tell(&h->registration, &m);
}
