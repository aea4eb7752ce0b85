/* What a client says of itself as metrics: see metrics.h. */
#include "status/metrics.h"
#include "base/program.h"
#include "base/textfile.h"
#include "base/timestamp.h"
#include "status/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct status_label of_version[] = {
    {"version", "program_version"},
    {NULL, NULL},
};

static const struct status_label of_nothing[] = {{NULL, NULL}};

static const struct status_metric info[] = {
    {"info", "gauge", "1, with what runs.", "program_version", METRIC_IS_SET},
    {.name = NULL},
};

static const struct status_metric started[] = {
    {"start_timestamp_seconds", "gauge", "Unix time at which it was started.",
	"since", METRIC_TIME},
    {.name = NULL},
};

/* Returns 0, or -1 where it is not known. */
static int
value_of(const struct status_metric *m, const json_t *row, uint64_t *value)
{
	const json_t *field = json_object_get(row, m->key);

	switch (m->kind) {
	case METRIC_NUMBER:
		*value = (uint64_t)json_integer_value(field);
		return json_is_integer(field) ? 0 : -1;
	case METRIC_TIME:
		return json_is_string(field)
			   ? timestamp_parse(value, json_string_value(field))
			   : -1;
	case METRIC_IS_SET:
		*value = !json_is_null(field);
		return field != NULL ? 0 : -1;
	}
	return -1;
}

static void
print_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
}

static void
print_labels(FILE *out, const struct status_label *labels, const json_t *row)
{
	const struct status_label *l;

	for (l = labels; l->name != NULL; l++) {
		fprintf(out, "%s%s=\"", l == labels ? "{" : ",", l->name);
		print_text(out, status_word(row, l->key));
		fputc('"', out);
	}
	if (l != labels)
		fputc('}', out);
}

/*
 * Whether a row before this one has the same labels: a relay may be named
 * twice, a series not.
 */
static int
is_again(const json_t *rows, size_t i, const struct status_label *labels)
{
	const json_t *row = json_array_get(rows, i);

	for (size_t j = 0; j < i; j++) {
		const json_t *other = json_array_get(rows, j);
		const struct status_label *l = labels;

		while (l->name != NULL && strcmp(status_word(row, l->key),
					      status_word(other, l->key)) == 0)
			l++;
		if (l->name == NULL)
			return 1;
	}
	return 0;
}

/* The metrics of the list, each of all rows that have it. */
static void
print_list(FILE *out, const char *prefix, const struct status_metric *list,
    const json_t *rows, const struct status_label *labels)
{
	for (const struct status_metric *m = list; m->name != NULL; m++) {
		fprintf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix,
		    m->name, m->help, prefix, m->name, m->type);
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const json_t *row = json_array_get(rows, i);
			uint64_t value;

			if (is_again(rows, i, labels) ||
			    value_of(m, row, &value) == -1)
				continue;
			fprintf(out, "%s%s", prefix, m->name);
			print_labels(out, labels, row);
			fprintf(out, " %" PRIu64 "\n", value);
		}
	}
}

static void
print_all(FILE *out, const struct status_metrics *m, json_t *doc)
{
	json_t *itself = json_pack("[O]", doc);

	print_list(out, m->prefix, info, itself, of_version);
	print_list(out, m->prefix, started, itself, of_nothing);
	print_list(out, m->prefix, m->of_program, itself, of_nothing);
	print_list(out, m->row_prefix, m->of_row, json_object_get(doc, m->rows),
	    m->labels);
	json_decref(itself);
}

int
status_metrics_run(
    const struct status_metrics *m, const char *conf, const char *path)
{
	struct failure f;
	struct textfile file;
	json_t *doc = status_ask(m->program, conf, &f);

	if (doc == NULL)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
	if (textfile_open(&file, path, &f) == -1)
		program_fail(EX_CANTCREAT, "%s", f.text);
	print_all(file.out, m, doc);
	json_decref(doc);
	if (textfile_close(&file, &f) == -1)
		program_fail(EX_IOERR, "%s", f.text);
	return EX_OK;
}
