/*
 * "metrics": what the program that runs says of itself (status.h), as text for
 * Prometheus, version 0.0.4.
 */
#ifndef STATUS_METRICS_H
#define STATUS_METRICS_H

enum status_metric_kind {
	METRIC_NUMBER,
	METRIC_TIME,   /* as Unix time */
	METRIC_IS_SET, /* 1, or 0 for null */
};

/* What is null or missing is left out, unless its kind says otherwise. */
struct status_metric {
	const char *name; /* behind the prefix; NULL: the end of a list */
	const char *type; /* "gauge", "counter" */
	const char *help;
	const char *key; /* in the document */
	enum status_metric_kind kind;
};

struct status_label {
	const char *name; /* NULL: the end of a list */
	const char *key;  /* in the document, of a text */
};

struct status_metrics {
	const char *program;                    /* for status_ask */
	const char *prefix;                     /* vpn_warp_PROGRAM_ */
	const struct status_metric *of_program; /* beside what all have */
	/* of each row of the array with the key rows */
	const char *rows;
	const struct status_label *labels;
	const char *row_prefix;
	const struct status_metric *of_row;
};

/*
 * Asks the program with the configuration conf, and writes its metrics to the
 * file path in one step (base/textfile.h), or to standard output for NULL.
 * Returns a sysexits(3) code.
 */
int status_metrics_run(
    const struct status_metrics *m, const char *conf, const char *path);

#endif
