/* Refusals, in words: see refusal.h. */
#include "ipc/refusal.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *word, *advice;
} kinds[REFUSAL_KINDS + 1] = {
    [REFUSAL_TLS_NO_CERTIFICATE] = {"no-certificate",
	"the client must present its certificate: -c and -k of relayagent, -q "
	"cert= and key= of stone, one imported into a browser"},
    [REFUSAL_TLS_REVOKED] = {"revoked",
	"the certificate is revoked for good: issue another with relay-ca "
	"client"},
    [REFUSAL_TLS_EXPIRED] = {"expired",
	"renew the certificate with relay-ca renew, and install it at both "
	"ends"},
    [REFUSAL_TLS_NOT_YET_VALID] = {"not-yet-valid",
	"the certificate begins later: see that the clocks of this host and "
	"of the one that made it are right"},
    [REFUSAL_TLS_AUTHORITY] = {"unknown-authority",
	"no authority in the relay's ca file has signed it: use a certificate "
	"of this relay, or add its authority"},
    [REFUSAL_TLS_CERTIFICATE] = {"bad-certificate",
	"the certificate is not one for a client of this relay: issue one "
	"with relay-ca client"},
    [REFUSAL_TLS_LIST] = {"bad-crl",
	"the relay's list of revoked certificates is no good: make it anew "
	"with relay-ca crl, and install it as crl"},
    [REFUSAL_TLS_OURS] = {"refused-by-client",
	"the client trusts another authority, or expects another name: give "
	"it this relay's ca.pem, and a name that the relay's certificate has"},
    [REFUSAL_TLS_PROTOCOL] = {"protocol",
	"the client speaks no TLS, or none that is served: see tls_min in "
	"relay.conf; scanners do this too"},
    [REFUSAL_TLS_TIMEOUT] = {"timeout",
	"the handshake took longer than tls_timeout: a slow network, or "
	"somebody who only holds the connection"},
    [REFUSAL_TLS_CLOSED] = {"closed",
	"the client left in the handshake: its own log says why"},
    [REFUSAL_REQUEST] = {"request",
	"the client asks for what the relay does not serve: see its version, "
	"and the address that it asks for"},
    [REFUSAL_LIMIT] = {"limit",
	"the customer's limit: see nusers, max_agents, type, allow and expire "
	"in the file of customers"},
    [REFUSAL_ALONE] = {"no-agent",
	"no agent with this certificate waits: is relayagent running, and "
	"with the same certificate?"},
    [REFUSAL_RELAY] = {"relay",
	"the relay could not do it just then; clients try again by "
	"themselves"},
    [REFUSAL_REMOVED] = {"removed",
	"it had to go: an administrator, the customer's end, or a certificate "
	"that is no longer good"},
    [REFUSAL_SESSION] = {"session",
	"a session broke off: the side that is named left without an end, or "
	"its network did"},
};

/* Where the reason says more than the kind. */
static const struct {
	const char *reason, *advice;
} reasons[] = {
    {"All sessions of this customer are in use",
	"raise nusers of this customer, or see relayctl sessions for those "
	"that nobody uses"},
    {"All agents of this customer are here",
	"raise max_agents of this customer, or start fewer polls (-m of "
	"relayagent)"},
    {"Too many wait with this certificate",
	"fewer agents or stones with one certificate: the relay keeps 1024 of "
	"each"},
    {"This customer's time is over",
	"set a later expire for this customer, then relayctl reload"},
    {"This customer is not allowed",
	"set allow = yes for this customer, or give the certificate a "
	"section, then relayctl reload"},
    {"This customer's type does not include this",
	"set a type that has it (forward, web or both) for this customer, "
	"then relayctl reload"},
    {"Ended by the administrator",
	"an administrator ended it: the broker's log says who, by uid"},
    {"The relay is draining",
	"the relay is about to be replaced: try again in a moment"},
    {"agent-unconfirmed",
	"the agent's host or network is gone without a word: its polls end by "
	"themselves"},
};

const char *
refusal_word(unsigned kind)
{
	return kind >= 1 && kind <= REFUSAL_KINDS ? kinds[kind].word
						  : "unknown";
}

const char *
refusal_advice(unsigned kind, const char *reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strcmp(reason, reasons[i].reason) == 0)
			return reasons[i].advice;
	return kind >= 1 && kind <= REFUSAL_KINDS ? kinds[kind].advice : "";
}
