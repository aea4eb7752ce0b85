/* Certificates and keys among relays: see material.h. */
#include "peer/material.h"
#include "peer/frame.h"
#include "tls/client.h"
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define TLS_MIN      13
#define ADMIN_PREFIX "vpn-warp:admin:"

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

/* Copies what of value is behind prefix. Returns 0, or -1: it is no name. */
static int
take_name(const ASN1_STRING *value, const char *prefix,
    char name[static NODE_NAME_SIZE])
{
	const char *text = (const char *)ASN1_STRING_get0_data(value);
	const size_t all = (size_t)ASN1_STRING_length(value);
	const size_t before = strlen(prefix), len = all - before;

	if (all <= before || len >= NODE_NAME_SIZE ||
	    memcmp(text, prefix, before) != 0)
		return -1;
	memset(name, 0, NODE_NAME_SIZE);
	memcpy(name, text + before, len);
	return strlen(name) == len && node_name_good(name, NODE_NAME_SIZE) ? 0
									   : -1;
}

/* The first of the certificate's names of this type that is one. */
static int
find_name(const X509 *certificate, int wanted, const char *prefix,
    char name[static NODE_NAME_SIZE])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(
	    certificate, NID_subject_alt_name, NULL, NULL);
	int rc = -1;

	for (int i = 0; rc == -1 && i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(
		    sk_GENERAL_NAME_value(names, i), &type);

		if (type == wanted)
			rc = take_name(value, prefix, name);
	}
	GENERAL_NAMES_free(names);
	return rc;
}

int
peer_material_name(const X509 *certificate, char name[static NODE_NAME_SIZE])
{
	return find_name(certificate, GEN_DNS, "", name);
}

int
peer_material_admin(const X509 *certificate, char name[static NODE_NAME_SIZE])
{
	if (find_name(certificate, GEN_DNS, "", name) == 0)
		return -1;
	return find_name(certificate, GEN_URI, ADMIN_PREFIX, name);
}

/* A certificate and its key. */
static int
load_pair(struct tls_material *end, const char *certificate, const char *key,
    struct failure *f)
{
	end->certificate = pem_certificate(certificate, &end->chain, f);
	if (end->certificate == NULL)
		return -1;
	end->key = pem_key(key, f);
	if (end->key == NULL)
		return -1;
	if (X509_check_private_key(end->certificate, end->key) == 1)
		return 0;
	ERR_clear_error();
	return failure(f, "%s: not the key of %s", key, certificate);
}

/* What all ends have beside. */
static int
load_end(struct tls_material *end, const struct relay_conf *conf,
    const SSL_METHOD *method, struct failure *f)
{
	end->store = pem_store(conf->peer_ca, conf->peer_crl, f);
	if (end->store == NULL)
		return -1;
	end->ctx = tls_context(method, TLS_MIN);
	if (end->ctx != NULL)
		return 0;
	tls_error_text(f);
	return -1;
}

/* One that dials. */
static int
load_dials(struct tls_material *end, const char *certificate, const char *key,
    const struct relay_conf *conf, struct failure *f)
{
	static const unsigned char offered[] = FRAME_ALPN;

	if (load_pair(end, certificate, key, f) == -1 ||
	    load_end(end, conf, TLS_client_method(), f) == -1)
		return -1;
	return SSL_CTX_set_alpn_protos(
		   end->ctx, offered, sizeof(offered) - 1) == 0
		   ? 0
		   : failure(f, "out of memory");
}

int
peer_material_load_admin(
    struct peer_material *m, const struct relay_conf *conf, struct failure *f)
{
	memset(m, 0, sizeof(*m));
	if (load_dials(&m->dials, conf->peer_admin_certificate,
		conf->peer_admin_key, conf, f) == 0) {
		if (peer_material_admin(m->dials.certificate, m->name) == 0)
			return 0;
		failure(f,
		    "%s: not of an administrator: make it with relay-ca admin",
		    conf->peer_admin_certificate);
	}
	peer_material_free(m);
	return -1;
}

int
peer_material_load(
    struct peer_material *m, const struct relay_conf *conf, struct failure *f)
{
	memset(m, 0, sizeof(*m));
	m->pass_expired_crl = conf->crl_expired == CRL_EXPIRED_WARN;
	if (load_dials(&m->dials, conf->peer_certificate, conf->peer_key, conf,
		f) == -1 ||
	    load_pair(&m->accepts, conf->peer_certificate, conf->peer_key, f) ==
		-1 ||
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
	return 0;
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
