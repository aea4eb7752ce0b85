/* The spawner's configuration and TLS, loaded again. */
#ifndef SPAWN_RELOAD_H
#define SPAWN_RELOAD_H

#include "base/failure.h"
#include "spawn/spawner.h"

/*
 * Loads what s was made of again, from s->conf_path, and logs how that went;
 * handlers that wait for another connection end. s->conf is another then, and
 * nothing of the old one is left. Returns 0, or -1 with a reason in f: then all
 * stays as it is.
 */
int spawner_reload(struct spawner *s, struct failure *f);

#endif
