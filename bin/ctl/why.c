/*
 * relayctl why: what is known of a customer, an address or a certificate, and
 * one line on what stands in the way. All comes from the broker's lists, the
 * table of customers and, of a certificate in a file, from the relay's
 * authorities and its list of revoked ones.
 */
#include "base/program.h"
#include "base/timestamp.h"
#include "config/customers.h"
#include "config/relay_conf.h"
#include "ctl/command.h"
#include "ctl/show.h"
#include "ctl/units.h"
#include "ctl/verdict.h"
#include "tls/pem.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct question {
	const char *text;
	enum subject subject;
	struct certificate certificate;    /* of SUBJECT_CERTIFICATE */
	char customer[CUSTOMER_NAME_SIZE]; /* "": unknown */
	char
	    fault[VERDICT_MAX]; /* of a certificate in a file; "": none known */
	struct row_customer row; /* of the customer */
	struct row_refusal last;
	struct facts facts;
};

/* ---- whom it is about ---- */

static int
is_address(const char *text)
{
	struct in6_addr any;

	return inet_pton(AF_INET, text, &any) == 1 ||
	       inet_pton(AF_INET6, text, &any) == 1;
}

/* Checks the certificate as a handler would. */
static void
check_chain(struct question *q, X509 *certificate, STACK_OF(X509) * chain,
    const struct relay_conf *conf)
{
	struct failure f;
	X509_STORE *store = pem_store(conf->ca, conf->crl, &f);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc, why;

	if (store == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, certificate, chain) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_client") != 1)
		program_fail(EX_OSERR, "out of memory");
	rc = X509_verify_cert(ctx);
	why = X509_STORE_CTX_get_error(ctx);
	if (rc != 1 && !(why == X509_V_ERR_CRL_HAS_EXPIRED &&
			   conf->crl_expired == CRL_EXPIRED_WARN))
		snprintf(q->fault, sizeof(q->fault), "%s",
		    X509_verify_cert_error_string(why));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static void
read_certificate(struct question *q, const struct relay_conf *conf)
{
	struct failure f;
	STACK_OF(X509) * chain;
	X509 *certificate = pem_certificate(q->text, &chain, &f);
	unsigned char *der = NULL;
	int len;

	if (certificate == NULL)
		program_fail(EX_NOINPUT, "%s", f.text);
	len = i2d_X509(certificate, &der);
	if (len <= 0 ||
	    certificate_read(&q->certificate, der, (size_t)len) == -1)
		program_fail(EX_NOINPUT, "%s: not strict DER", q->text);
	if (conf->path != NULL)
		check_chain(q, certificate, chain, conf);
	OPENSSL_free(der);
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
}

/* Whose certificate it is, by the table. */
static void
find_customer(struct question *q, const struct relay_conf *conf)
{
	struct failure f;
	struct customers *table;

	if (conf->path == NULL)
		return;
	table = customers_read(conf->customers, &f);
	if (table == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	snprintf(q->customer, sizeof(q->customer), "%s",
	    customers_find(table, &q->certificate)->name);
	customers_free(table);
}

static void
understand(struct question *q, const struct ctl_options *options)
{
	struct relay_conf conf = {0};
	struct failure f;

	/* who names a socket has not promised that there is a file */
	if (relay_conf_read(&conf, options->conf, &f) == -1 &&
	    options->socket == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	q->subject = SUBJECT_CERTIFICATE;
	if (identity_parse(&q->certificate.identity, q->text) == 0) {
		q->certificate.fingerprints[0] = q->certificate.identity;
		q->certificate.forms = 1;
	} else if (strchr(q->text, '/') != NULL ||
		   strstr(q->text, ".pem") != NULL) {
		read_certificate(q, &conf);
	} else if (is_address(q->text)) {
		q->subject = SUBJECT_ADDRESS;
	} else {
		q->subject = SUBJECT_CUSTOMER;
		snprintf(q->customer, sizeof(q->customer), "%s", q->text);
	}
	if (q->subject == SUBJECT_CERTIFICATE)
		find_customer(q, &conf);
	relay_conf_free(&conf);
}

/* ---- what is known ---- */

/* Whether somebody with these is meant. NULL, or zero: not known. */
static int
is_meant(const struct question *q, const struct identity *identity,
    const struct identity *fingerprint, const char *customer, const char *peer)
{
	char host[NETADDR_TEXT_MAX];

	switch (q->subject) {
	case SUBJECT_CUSTOMER:
		return strcmp(customer, q->customer) == 0;
	case SUBJECT_ADDRESS:
		netaddr_host(peer, host);
		return strcmp(host, q->text) == 0;
	case SUBJECT_CERTIFICATE:
		return certificate_is(&q->certificate, identity) ||
		       (fingerprint != NULL &&
			   certificate_is(&q->certificate, fingerprint));
	}
	return 0;
}

/* A certificate that waits tells by both names; a session by its identity. */
static void
take_waiter(struct question *q, const struct row_waiter *w)
{
	if (!is_meant(q, &w->identity, &w->fingerprint, w->customer, w->peer))
		return;
	if (q->subject == SUBJECT_CERTIFICATE)
		q->certificate.identity = w->identity;
	if (w->role == ROLE_AGENT)
		q->facts.agents++;
	else
		q->facts.stones++;
}

static void
take_session(struct question *q, const struct row_session *s)
{
	q->facts.sessions += is_meant(q, &s->stone_identity, NULL, s->customer,
				 s->stone) ||
			     is_meant(q, &s->agent_identity, NULL, s->customer,
				 s->agent);
}

static void
take_refusal(struct question *q, const struct row_refusal *r)
{
	if (q->facts.last != NULL ||
	    !is_meant(q, &r->identity, &r->fingerprint, r->customer, r->peer))
		return;
	q->last = *r;
	q->facts.last = &q->last;
}

static void
take(struct question *q, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_ROW_CUSTOMER:
		if (strcmp(m->u.customer.name, q->customer) != 0)
			break;
		q->row = m->u.customer;
		q->facts.customer = &q->row;
		break;
	case MESSAGE_ROW_WAITER:
		take_waiter(q, &m->u.waiter);
		break;
	case MESSAGE_ROW_SESSION:
		take_session(q, &m->u.session);
		break;
	case MESSAGE_ROW_REFUSAL:
		take_refusal(q, &m->u.row_refusal);
		break;
	default:
		break;
	}
}

static void
gather(struct question *q, const struct ctl_call *call)
{
	static const enum admin_command lists[] = {
	    ADMIN_CUSTOMERS, ADMIN_WAITERS, ADMIN_SESSIONS, ADMIN_RECENT};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct ctl_answer answer = ctl_ask(call, lists[i], "");

		for (size_t j = 0; j < answer.nrows; j++)
			take(q, &answer.rows[j]);
		ctl_free(&answer);
	}
	q->facts.subject = q->subject;
	q->facts.fault = q->fault[0] == '\0' ? NULL : q->fault;
	q->facts.now = (uint64_t)time(NULL);
}

/* ---- what is shown ---- */

static void
print_customer(const struct question *q)
{
	const struct row_customer *c = q->facts.customer;
	char expire[WHEN_TEXT_SIZE];

	if (c == NULL) {
		printf("customer    %s\n",
		    q->customer[0] == '\0' ? "not known" : "none of this name");
		return;
	}
	timestamp_format(c->expire, expire);
	printf("customer    %s: %s, %s, %" PRIu32 " of %" PRIu32
	       " sessions, %" PRIu32 " of %" PRIu32 " agents, until %s\n",
	    c->name,
	    !c->present ? "no longer in the table"
	    : c->allow  ? "allowed"
			: "not allowed",
	    customer_type_word(c->type), c->sessions, c->nusers, c->agents,
	    c->max_agents, expire);
}

static void
print_refusal(const struct row_refusal *r)
{
	char when[WHEN_TEXT_SIZE];

	if (r == NULL) {
		printf("refusals    none that the broker remembers\n");
		return;
	}
	timestamp_format(r->when, when);
	printf("refusals    last %s, from %s: ", when, r->peer);
	if (r->status != 0)
		printf("%" PRIu32 " ", r->status);
	printf("%s", r->reason);
	if (r->times > 1)
		printf(" (%" PRIu32 " times)", r->times);
	printf("\n");
}

static void
print(const struct question *q, const char *text)
{
	if (q->subject != SUBJECT_ADDRESS)
		print_customer(q);
	if (q->fault[0] != '\0')
		printf("certificate %s\n", q->fault);
	printf("here        %u agents and %u stones wait, %u sessions live\n",
	    q->facts.agents, q->facts.stones, q->facts.sessions);
	print_refusal(q->facts.last);
	printf("verdict     %s\n", text);
}

int
command_why(const struct ctl_call *call)
{
	static struct question q;
	char text[VERDICT_MAX];
	int well, rc = 0;

	q.text = *call->arguments;
	understand(&q, call->options);
	gather(&q, call);
	well = verdict(&q.facts, text, sizeof(text));
	if (call->options->json)
		rc = ctl_json_why(stdout, &q.facts, q.text, well, text);
	else
		print(&q, text);
	return rc == 0 ? EX_OK : EX_OSERR;
}
