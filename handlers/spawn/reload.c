/* The spawner's configuration and TLS, loaded again: see reload.h. */
#include "spawn/reload.h"
#include "base/log.h"
#include "spawn/prefork.h"
#include "tls/server.h"

#include <stdlib.h>

int
spawner_reload(struct spawner *s, struct failure *f)
{
	struct tls_material tls;
	struct relay_conf conf;

	prefork_release();
	if (relay_conf_read(&conf, s->conf_path, f) == -1)
		goto fail;
	if (tls_server_reload(&tls, &s->tls, &conf, f) == -1) {
		relay_conf_free(&conf);
		goto fail;
	}
	/* where it listens stays as it is: it is no longer root */
	free(conf.handoff);
	conf.handoff = s->conf.handoff;
	s->conf.handoff = NULL;
	tls_material_free(&s->tls);
	relay_conf_free(&s->conf);
	s->tls = tls;
	s->conf = conf;
	/* what they check clients against is what was */
	pool_retire(&s->pool);
	prefork_warm(&s->tls);
	log_event(LOG_NOTICE, "reloaded", NULL);
	return 0;
fail:
	prefork_warm(&s->tls);
	log_event(LOG_ERR, "reload-failed", "error", f->text, NULL);
	return -1;
}
