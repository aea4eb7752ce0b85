/* "relay-stone metrics": see metrics.h. The fields are those of status.c. */
#include "stone/metrics.h"
#include "status/metrics.h"

#include <stddef.h>

static const struct status_metric of_program[] = {{.name = NULL}};

static const struct status_label labels[] = {
    {"listen", "listen"},
    {"relay", "relay"},
    {NULL, NULL},
};

static const struct status_metric of_forward[] = {
    {"sessions", "gauge", "Connections with a session of their own.",
	"sessions", METRIC_NUMBER},
    {"shared_sessions", "gauge", "Shared sessions that are there.", "shared",
	METRIC_NUMBER},
    {"shared_sessions_wanted", "gauge", "Those that should be.",
	"shared_wanted", METRIC_NUMBER},
    {"connections_total", "counter", "Connections that have come.",
	"connections", METRIC_NUMBER},
    {"failing", "gauge", "1 since it went wrong, until it goes well.",
	"fails_since", METRIC_IS_SET},
    {"good_timestamp_seconds", "gauge", "Unix time at which it went well last.",
	"good_at", METRIC_TIME},
    {"certificate_expire_timestamp_seconds", "gauge",
	"Unix time at which the certificate ends.", "certificate_until",
	METRIC_TIME},
    {.name = NULL},
};

int
stone_metrics_run(const char *file, const char *path)
{
	static const struct status_metrics metrics = {
	    .program = "relay-stone",
	    .prefix = "vpn_warp_stone_",
	    .of_program = of_program,
	    .rows = "forwards",
	    .labels = labels,
	    .row_prefix = "vpn_warp_stone_forward_",
	    .of_row = of_forward,
	};

	return status_metrics_run(&metrics, file, path);
}
