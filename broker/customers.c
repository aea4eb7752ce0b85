/* The table of customers: see customers.h. */
#include "customers.h"
#include "lines.h"
#include "when.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An allocation that fails is told to the caller, not to exit(3). */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define NUMBER_MAX 999999 /* nusers, max_agents: six digits fit any agent */

/* What a section has said; the rest comes from the default. */
enum {
	SAID_NUSERS = 1,
	SAID_TYPE = 2,
	SAID_EXPIRE = 4,
	SAID_MAX_AGENTS = 8,
	SAID_ALLOW = 16
};

struct section {
	struct customer_entry entry; /* first: customers_find gives it out */
	unsigned said;
	struct section *next; /* in the file's order */
	UT_hash_handle hh;    /* by name */
};

struct owner {
	struct identity identity;
	struct section *section;
	UT_hash_handle hh;
};

struct customers {
	struct section *first, *last; /* first: the default */
	struct section *by_name;
	struct owner *owners;
	size_t count;
	struct section **at; /* count of them */
};

struct reader {
	struct customers *table;
	struct section *section; /* the one that lines belong to */
	int saw_default;
};

/* ---- the table ---- */

static struct section *
add_section(struct customers *t, const char *name)
{
	struct section *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	snprintf(s->entry.name, sizeof(s->entry.name), "%s", name);
	s->entry.grant = entitlement_default;
	HASH_ADD_STR(t->by_name, entry.name, s);
	if (s->hh.tbl == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	if (t->last != NULL)
		t->last->next = s;
	else
		t->first = s;
	t->last = s;
	t->count++;
	return s;
}

static struct owner *
find_owner(const struct customers *t, const struct identity *identity)
{
	struct owner *o;

	HASH_FIND(hh, t->owners, identity, sizeof(*identity), o);
	return o;
}

static int
add_owner(struct customers *t, struct section *s, const struct identity *id)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return -1;
	o->identity = *id;
	o->section = s;
	HASH_ADD(hh, t->owners, identity, sizeof(o->identity), o);
	if (o->hh.tbl != NULL)
		return 0;
	free(o);
	errno = ENOMEM;
	return -1;
}

void
customers_free(struct customers *t)
{
	struct owner *o, *next_owner;
	struct section *s, *next;

	if (t == NULL)
		return;
	HASH_ITER(hh, t->owners, o, next_owner)
	{
		HASH_DEL(t->owners, o);
		free(o);
	}
	HASH_CLEAR(hh, t->by_name);
	for (s = t->first; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	free(t->at);
	free(t);
}

const struct customer_entry *
customers_find(const struct customers *t, const struct identity *identity)
{
	const struct owner *o = find_owner(t, identity);

	return o == NULL ? &t->first->entry : &o->section->entry;
}

const struct customer_entry *
customers_at(const struct customers *t, size_t i)
{
	return i < t->count ? &t->at[i]->entry : NULL;
}

void
customers_key(struct customer_key *key, const struct customer_entry *entry,
    const struct identity *identity)
{
	memset(key, 0, sizeof(*key));
	if (strcmp(entry->name, CUSTOMERS_DEFAULT) == 0)
		identity_hex(identity, key->text);
	else
		snprintf(key->text, sizeof(key->text), "%s", entry->name);
}

/* ---- the file ---- */

/* The first value of a key counts; a second is a mistake. */
static int
note_said(struct section *s, unsigned what, const char *key, char *err,
    size_t errsize)
{
	if ((s->said & what) != 0) {
		snprintf(err, errsize, "%s is given twice", key);
		return -1;
	}
	s->said |= what;
	return 0;
}

static int
set_number(uint32_t *field, uint32_t most, const char *key, const char *value,
    char *err, size_t errsize)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 ||
	    n > most) {
		snprintf(err, errsize, "%s: %s is not 0 to %u", key, value,
		    (unsigned)most);
		return -1;
	}
	*field = (uint32_t)n;
	return 0;
}

static int
set_expire(uint64_t *field, const char *value, char *err, size_t errsize)
{
	if (when_parse(field, value) == 0)
		return 0;
	snprintf(err, errsize,
	    "expire: %s is not a date, an RFC 3339 time, a Unix time or never",
	    value);
	return -1;
}

static int
set_allow(int *field, const char *value, char *err, size_t errsize)
{
	*field = strcmp(value, "yes") == 0;
	if (*field || strcmp(value, "no") == 0)
		return 0;
	snprintf(err, errsize, "allow: %s is not yes or no", value);
	return -1;
}

/* "sha256:" and 64 hex digits, with colons between the bytes or without. */
static int
read_fingerprint(struct identity *id, const char *text)
{
	static const char prefix[] = "sha256:";

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
		text += sizeof(prefix) - 1;
	for (size_t i = 0; i < IDENTITY_BYTES; i++) {
		unsigned byte;

		if (i > 0 && *text == ':')
			text++;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) ||
		    sscanf(text, "%2x", &byte) != 1)
			return -1;
		id->sha256[i] = (uint8_t)byte;
		text += 2;
	}
	return *text == '\0' ? 0 : -1;
}

static int
add_certificate(
    const struct reader *r, const char *value, char *err, size_t errsize)
{
	const struct owner *o;
	struct identity id;

	if (r->section == r->table->first) {
		snprintf(err, errsize,
		    "[" CUSTOMERS_DEFAULT "] is for the certificates that no "
		    "section names");
		return -1;
	}
	if (read_fingerprint(&id, value) == -1) {
		snprintf(err, errsize,
		    "certificate: not of the form sha256:<64 hex digits>");
		return -1;
	}
	o = find_owner(r->table, &id);
	if (o != NULL) {
		snprintf(err, errsize, "this certificate is in [%s] already",
		    o->section->entry.name);
		return -1;
	}
	if (add_owner(r->table, r->section, &id) == 0)
		return 0;
	snprintf(err, errsize, "%s", strerror(errno));
	return -1;
}

static int
set_key(const struct reader *r, const char *key, const char *value, char *err,
    size_t errsize)
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
		return add_certificate(r, value, err, errsize);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(key, numbers[i].key) == 0) {
			if (note_said(r->section, numbers[i].said, key, err,
				errsize) == -1)
				return -1;
			return set_number(numbers[i].field, numbers[i].most,
			    key, value, err, errsize);
		}
	if (strcmp(key, "expire") == 0)
		return note_said(r->section, SAID_EXPIRE, key, err, errsize) ==
			       -1
			   ? -1
			   : set_expire(
				 &g->customer.expire, value, err, errsize);
	if (strcmp(key, "allow") == 0)
		return note_said(r->section, SAID_ALLOW, key, err, errsize) ==
			       -1
			   ? -1
			   : set_allow(&g->allow, value, err, errsize);
	snprintf(err, errsize, "unknown key %s (see customers(5))", key);
	return -1;
}

static int
good_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-");

	return n > 0 && name[n] == '\0' && n <= CUSTOMER_NAME_MAX;
}

/* "[name]" */
static int
begin_section(struct reader *r, char *line, char *err, size_t errsize)
{
	size_t len = strlen(line);
	struct section *s;
	char *name = line + 1;

	if (line[len - 1] != ']') {
		snprintf(err, errsize, "a section's name has no ] at its end");
		return -1;
	}
	line[len - 1] = '\0';
	if (!good_name(name)) {
		snprintf(err, errsize,
		    "a section's name is 1 to %d letters, digits and ._@:-",
		    CUSTOMER_NAME_MAX);
		return -1;
	}
	HASH_FIND_STR(r->table->by_name, name, s);
	if (s != NULL && (s != r->table->first || r->saw_default)) {
		snprintf(err, errsize, "section [%s] is there twice", name);
		return -1;
	}
	r->saw_default |= s != NULL;
	r->section = s != NULL ? s : add_section(r->table, name);
	if (r->section != NULL)
		return 0;
	snprintf(err, errsize, "%s", strerror(errno));
	return -1;
}

static int
read_line(void *arg, char *line, char *err, size_t errsize)
{
	struct reader *r = arg;
	char *key, *value;

	if (*line == '[')
		return begin_section(r, line, err, errsize);
	if (r->section == NULL) {
		snprintf(err, errsize, "a line before the first [section]");
		return -1;
	}
	if (lines_key_value(line, &key, &value, err, errsize) == -1)
		return -1;
	return set_key(r, key, value, err, errsize);
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
customers_read(const char *path, char *err, size_t errsize)
{
	struct reader r = {.table = calloc(1, sizeof(struct customers))};

	if (r.table == NULL || add_section(r.table, CUSTOMERS_DEFAULT) == NULL)
		goto no_memory;
	if (path != NULL &&
	    lines_read(path, read_line, &r, err, errsize) == -1) {
		customers_free(r.table);
		return NULL;
	}
	if (finish(r.table) == 0)
		return r.table;
no_memory:
	snprintf(err, errsize, "customers: %s", strerror(errno));
	customers_free(r.table);
	return NULL;
}
