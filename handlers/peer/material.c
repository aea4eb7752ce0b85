/* Certificates and keys among relays: see material.h. */
#include "peer/material.h"
#include "peer/frame.h"
#include "tls/client.h"
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define TLS_MIN 13

/* Who speaks another protocol is no relay. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *arg)
{
	static const unsigned char served[] = FRAME_ALPN;
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, outlen, served, sizeof(served) - 1,
		in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int
peer_material_name(const X509 *certificate, char name[static NODE_NAME_SIZE])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(
	    certificate, NID_subject_alt_name, NULL, NULL);
	int rc = -1;

	for (int i = 0; rc == -1 && i < sk_GENERAL_NAME_num(names); i++) {
		int type, len;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(
		    sk_GENERAL_NAME_value(names, i), &type);

		len = type == GEN_DNS ? ASN1_STRING_length(value) : 0;
		if (len < 1 || len >= NODE_NAME_SIZE)
			continue;
		memset(name, 0, NODE_NAME_SIZE);
		memcpy(name, ASN1_STRING_get0_data(value), (size_t)len);
		if (strlen(name) == (size_t)len &&
		    node_name_good(name, NODE_NAME_SIZE))
			rc = 0;
	}
	GENERAL_NAMES_free(names);
	return rc;
}

/* The part that both ends of a connection have. */
static int
load_end(struct tls_material *end, const struct relay_conf *conf,
    const SSL_METHOD *method, struct failure *f)
{
	end->certificate = pem_certificate(
	    conf->peer_certificate, &end->chain, f);
	if (end->certificate == NULL)
		return -1;
	end->key = pem_key(conf->peer_key, f);
	if (end->key == NULL)
		return -1;
	if (X509_check_private_key(end->certificate, end->key) != 1) {
		ERR_clear_error();
		return failure(f, "%s: not the key of %s", conf->peer_key,
		    conf->peer_certificate);
	}
	end->store = pem_store(conf->peer_ca, conf->peer_crl, f);
	if (end->store == NULL)
		return -1;
	end->ctx = tls_context(method, TLS_MIN);
	if (end->ctx != NULL)
		return 0;
	tls_error_text(f);
	return -1;
}

int
peer_material_load(
    struct peer_material *m, const struct relay_conf *conf, struct failure *f)
{
	static const unsigned char offered[] = FRAME_ALPN;

	memset(m, 0, sizeof(*m));
	m->pass_expired_crl = conf->crl_expired == CRL_EXPIRED_WARN;
	if (load_end(&m->dials, conf, TLS_client_method(), f) == -1 ||
	    load_end(&m->accepts, conf, TLS_server_method(), f) == -1)
		goto fail;
	m->clients = pem_store(conf->ca, conf->crl, f);
	if (m->clients == NULL)
		goto fail;
	if (peer_material_name(m->dials.certificate, m->name) == -1) {
		failure(f,
		    "%s: has no name of a relay: make it with relay-ca "
		    "node",
		    conf->peer_certificate);
		goto fail;
	}
	SSL_CTX_set_alpn_select_cb(m->accepts.ctx, on_alpn, NULL);
	if (SSL_CTX_set_alpn_protos(
		m->dials.ctx, offered, sizeof(offered) - 1) == 0)
		return 0;
	failure(f, "out of memory");
fail:
	peer_material_free(m);
	return -1;
}

void
peer_material_free(struct peer_material *m)
{
	tls_material_free(&m->dials);
	tls_material_free(&m->accepts);
	X509_STORE_free(m->clients);
	memset(m, 0, sizeof(*m));
}

SSL *
peer_material_accept(const struct peer_material *m, int sock)
{
	SSL *ssl = tls_new(&m->accepts, sock);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	return ssl;
}

SSL *
peer_material_dial(const struct peer_material *m, int sock, const char *name)
{
	return tls_client_start(&m->dials, sock, name);
}
