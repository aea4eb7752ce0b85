/* "relay-stone metrics": how its forwards are doing, for Prometheus. */
#ifndef STONE_METRICS_H
#define STONE_METRICS_H

/*
 * Asks the relay-stone with this file, and writes to the file path, or to
 * standard output for NULL. Returns a sysexits(3) code.
 */
int stone_metrics_run(const char *file, const char *path);

#endif
