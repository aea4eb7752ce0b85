/* The file of customers, customers(5), becomes a table: see customers.h. */
#include "base/config_lines.h"
#include "base/failure.h"
#include "base/number.h"
#include "base/timestamp.h"
#include "config/customers_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 999999 /* nusers, max_agents: six digits fit any agent */

struct reader {
	struct customers *table;
	struct section *section; /* the one that lines belong to */
	int saw_default;
};

/* The first value of a key counts; a second is a mistake. */
static int
note_said(struct section *s, unsigned what, const char *key, struct failure *f)
{
	if ((s->said & what) != 0)
		return failure(f, "%s is given twice", key);
	s->said |= what;
	return 0;
}

static int
set_number(uint32_t *field, uint32_t most, const char *key, const char *value,
    struct failure *f)
{
	const int64_t n = number_parse(value, 0, most);

	if (n == -1)
		return failure(
		    f, "%s: %s is not 0 to %u", key, value, (unsigned)most);
	*field = (uint32_t)n;
	return 0;
}

static int
set_expire(uint64_t *field, const char *value, struct failure *f)
{
	if (timestamp_parse(field, value) == 0)
		return 0;
	return failure(f,
	    "expire: %s is not a date, an RFC 3339 time, a Unix time or never",
	    value);
}

static int
set_allow(int *field, const char *value, struct failure *f)
{
	*field = strcmp(value, "yes") == 0;
	if (*field || strcmp(value, "no") == 0)
		return 0;
	return failure(f, "allow: %s is not yes or no", value);
}

static int
add_certificate(const struct reader *r, const char *value, struct failure *f)
{
	const struct owner *o;
	struct identity id;

	if (r->section == r->table->first)
		return failure(f,
		    "[" CUSTOMERS_DEFAULT "] is for the certificates that no "
		    "section names");
	if (identity_parse(&id, value) == -1)
		return failure(
		    f, "certificate: not of the form sha256:<64 hex digits>");
	o = customers_find_owner(r->table, &id);
	if (o != NULL)
		return failure(f, "this certificate is in [%s] already",
		    o->section->entry.name);
	if (customers_add_owner(r->table, r->section, &id) == 0)
		return 0;
	return failure(f, "%s", strerror(errno));
}

static int
set_key(const struct reader *r, const char *key, const char *value,
    struct failure *f)
{
	struct entitlement *g = &r->section->entry.grant;
	const struct {
		const char *key;
		uint32_t *field;
		uint32_t most;
		unsigned said;
	} numbers[] = {
	    {"nusers", &g->customer.nusers, NUMBER_MAX, SAID_NUSERS},
	    {"type", &g->customer.type, CUSTOMER_FORWARD | CUSTOMER_WEB,
		SAID_TYPE},
	    {"max_agents", &g->max_agents, NUMBER_MAX, SAID_MAX_AGENTS},
	};

	if (strcmp(key, "certificate") == 0)
		return add_certificate(r, value, f);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(key, numbers[i].key) == 0) {
			if (note_said(r->section, numbers[i].said, key, f) ==
			    -1)
				return -1;
			return set_number(
			    numbers[i].field, numbers[i].most, key, value, f);
		}
	if (strcmp(key, "expire") == 0)
		return note_said(r->section, SAID_EXPIRE, key, f) == -1
			   ? -1
			   : set_expire(&g->customer.expire, value, f);
	if (strcmp(key, "allow") == 0)
		return note_said(r->section, SAID_ALLOW, key, f) == -1
			   ? -1
			   : set_allow(&g->allow, value, f);
	return failure(f, "unknown key %s (see customers(5))", key);
}

int
customers_good_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-");

	return n > 0 && name[n] == '\0' && n <= CUSTOMER_NAME_MAX;
}

/* "[name]" */
static int
begin_section(struct reader *r, char *line, struct failure *f)
{
	size_t len = strlen(line);
	struct section *s;
	char *name = line + 1;

	if (line[len - 1] != ']')
		return failure(f, "a section's name has no ] at its end");
	line[len - 1] = '\0';
	if (!customers_good_name(name))
		return failure(f,
		    "a section's name is 1 to %d letters, digits and ._@:-",
		    CUSTOMER_NAME_MAX);
	HASH_FIND_STR(r->table->by_name, name, s);
	if (s != NULL && (s != r->table->first || r->saw_default))
		return failure(f, "section [%s] is there twice", name);
	r->saw_default |= s != NULL;
	r->section = s != NULL ? s : customers_add_section(r->table, name);
	if (r->section != NULL)
		return 0;
	return failure(f, "%s", strerror(errno));
}

static int
read_line(void *arg, char *line, struct failure *f)
{
	struct reader *r = arg;
	char *key, *value;

	if (*line == '[')
		return begin_section(r, line, f);
	if (r->section == NULL)
		return failure(f, "a line before the first [section]");
	if (config_lines_key_value(line, &key, &value, f) == -1)
		return -1;
	return set_key(r, key, value, f);
}

/* Fills in what a section left to the default, wherever that stands. */
static void
inherit(struct section *s, const struct entitlement *base)
{
	struct entitlement *g = &s->entry.grant;

	if ((s->said & SAID_NUSERS) == 0)
		g->customer.nusers = base->customer.nusers;
	if ((s->said & SAID_TYPE) == 0)
		g->customer.type = base->customer.type;
	if ((s->said & SAID_EXPIRE) == 0)
		g->customer.expire = base->customer.expire;
	if ((s->said & SAID_MAX_AGENTS) == 0)
		g->max_agents = base->max_agents;
}

static int
finish(struct customers *t)
{
	size_t i = 0;

	t->at = calloc(t->count, sizeof(struct section *));
	if (t->at == NULL)
		return -1;
	for (struct section *s = t->first; s != NULL; s = s->next) {
		inherit(s, &t->first->entry.grant);
		t->at[i++] = s;
	}
	return 0;
}

struct customers *
customers_read(const char *path, struct failure *f)
{
	struct reader r = {.table = calloc(1, sizeof(struct customers))};

	if (r.table == NULL ||
	    customers_add_section(r.table, CUSTOMERS_DEFAULT) == NULL)
		goto no_memory;
	if (path != NULL && config_lines_read(path, read_line, &r, f) == -1) {
		customers_free(r.table);
		return NULL;
	}
	if (finish(r.table) == 0)
		return r.table;
no_memory:
	failure(f, "customers: %s", strerror(errno));
	customers_free(r.table);
	return NULL;
}
