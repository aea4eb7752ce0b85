/* "relayagent metrics": see metrics.h. The fields are those of status.c. */
#include "agent/metrics.h"
#include "status/metrics.h"

#include <stddef.h>

static const struct status_metric of_program[] = {
    {"sessions", "gauge", "Live sessions, of all relays.", "sessions",
	METRIC_NUMBER},
    {"certificate_expire_timestamp_seconds", "gauge",
	"Unix time at which the certificate ends.", "certificate_until",
	METRIC_TIME},
    {.name = NULL},
};

static const struct status_label labels[] = {
    {"relay", "relay"},
    {NULL, NULL},
};

static const struct status_metric of_relay[] = {
    {"polls", "gauge", "Polls, those that do not wait yet too.", "polls",
	METRIC_NUMBER},
    {"waiting", "gauge", "Polls that wait.", "waiting", METRIC_NUMBER},
    {"parked", "gauge", "Of these, those that are parked.", "parked",
	METRIC_NUMBER},
    {"wanted", "gauge", "Polls that should wait.", "wanted", METRIC_NUMBER},
    {"sessions", "gauge", "Live sessions.", "sessions", METRIC_NUMBER},
    {"arrivals_total", "counter", "Clients that have come.", "arrivals",
	METRIC_NUMBER},
    {"failing", "gauge", "1 while there is no poll, for an error.", "error",
	METRIC_IS_SET},
    {"idle", "gauge", "1 while it is not polled, as an earlier one works.",
	"idle", METRIC_IS_SET},
    {"since_timestamp_seconds", "gauge",
	"Unix time since which it fails, or goes well.", "since", METRIC_TIME},
    {"customer_expire_timestamp_seconds", "gauge",
	"Unix time at which the customer ends.", "customer_until", METRIC_TIME},
    {.name = NULL},
};

int
agent_metrics_run(const char *conf, const char *path)
{
	static const struct status_metrics metrics = {
	    .program = "relayagent",
	    .prefix = "vpn_warp_agent_",
	    .of_program = of_program,
	    .rows = "relays",
	    .labels = labels,
	    .row_prefix = "vpn_warp_agent_relay_",
	    .of_row = of_relay,
	};

	return status_metrics_run(&metrics, conf, path);
}
