/* "relayagent metrics": what the pool says of itself, for Prometheus. */
#ifndef AGENT_METRICS_H
#define AGENT_METRICS_H

/*
 * Asks the relayagent with this configuration, and writes to the file path, or
 * to standard output for NULL. Returns a sysexits(3) code.
 */
int agent_metrics_run(const char *conf, const char *path);

#endif
