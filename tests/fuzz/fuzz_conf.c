/*
 * relay.conf(5) (broker/config/relay_conf.c, base/config_lines.c): taken with
 * every field in its bounds, or refused with a reason that names the line.
 */
#include "base/config_lines.h"
#include "base/failure.h"
#include "config/relay_conf.h"
#include "fuzz.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	char *beside = config_lines_relative("relay.conf", "cert.pem");
	struct failure f = {.text = ""};
	struct relay_conf conf;

	MUST(beside != NULL && strcmp(beside, "cert.pem") == 0);
	free(beside);
	MUST(relay_conf_read(&conf, "/nowhere", &f) == -1);
	if (relay_conf_read(&conf, path, &f) == -1) {
		MUST(strncmp(f.text, path, strlen(path)) == 0);
		MUST(conf.path == NULL && conf.key == NULL);
		return 0;
	}
	MUST(conf.nlisten <= CONF_LISTEN_MAX);
	MUST(conf.nproxy_from <= CONF_PROXY_FROM_MAX);
	for (size_t i = 0; i < conf.nproxy_from; i++)
		MUST(conf.proxy_from[i].bits <= PREFIX_ALL);
	MUST(conf.certificate != NULL && conf.key != NULL && conf.ca != NULL);
	MUST(conf.socket != NULL && conf.user != NULL && conf.group != NULL);
	MUST(conf.tls_min == 12 || conf.tls_min == 13);
	MUST(conf.tls_timeout > 0 && conf.tls_timeout <= 3600);
	MUST(conf.head_timeout > 0 && conf.head_timeout <= 3600);
	MUST(conf.match_timeout > 0 && conf.match_timeout <= 3600);
	MUST(conf.crl_expired != CRL_EXPIRED_UNSET);
	relay_conf_free(&conf);
	return 0;
}
