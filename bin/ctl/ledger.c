/* The ledger of SQLite: see ledger.h. */
#include "ctl/ledger.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS      10000 /* another writes, which takes milliseconds */
#define FORM_VERSION 1     /* of the tables; in user_version */

struct ledger {
	sqlite3 *db;
	const char *path;
	char day[LEDGER_DAY_SIZE];
	char instance[9];
	int counts; /* what was counted before belongs to that day */
};

/* relayctl(8) describes them; people query usage. */
static const char tables[] =
    "CREATE TABLE usage (day TEXT NOT NULL, customer TEXT NOT NULL,"
    " sessions INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,"
    " PRIMARY KEY (day, customer)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE broker (instance TEXT PRIMARY KEY, socket TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE counter (instance TEXT NOT NULL, customer TEXT NOT NULL,"
    " sessions INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,"
    " PRIMARY KEY (instance, customer)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

static int
fail(const struct ledger *l, struct failure *f)
{
	return failure(f, "%s: %s", l->path, sqlite3_errmsg(l->db));
}

static int
execute(struct ledger *l, const char *sql, struct failure *f)
{
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : fail(l, f);
}

/*
 * Prepares sql, whose parameters are, by the letters of types, texts (t) and
 * numbers (n: int64_t). Returns NULL with f; for sqlite3_finalize.
 */
static sqlite3_stmt *
prepare(struct ledger *l, struct failure *f, const char *sql, const char *types,
    va_list ap)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) != SQLITE_OK) {
		fail(l, f);
		return NULL;
	}
	for (int i = 1; *types != '\0'; types++, i++)
		if (*types == 'n')
			sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
		else
			sqlite3_bind_text(
			    s, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
	return s;
}

static sqlite3_stmt *
query(struct ledger *l, struct failure *f, const char *sql, const char *types,
    ...)
{
	sqlite3_stmt *s;
	va_list ap;

	va_start(ap, types);
	s = prepare(l, f, sql, types, ap);
	va_end(ap);
	return s;
}

/* Runs what returns no row. */
static int
change(struct ledger *l, struct failure *f, const char *sql, const char *types,
    ...)
{
	sqlite3_stmt *s;
	va_list ap;

	va_start(ap, types);
	s = prepare(l, f, sql, types, ap);
	va_end(ap);
	if (s == NULL)
		return -1;
	sqlite3_step(s);
	return sqlite3_finalize(s) == SQLITE_OK ? 0 : fail(l, f);
}

/* The number that the query's one row has. */
static int
number(struct ledger *l, int64_t *n, struct failure *f, const char *sql,
    const char *types, ...)
{
	sqlite3_stmt *s;
	va_list ap;
	int rc;

	va_start(ap, types);
	s = prepare(l, f, sql, types, ap);
	va_end(ap);
	if (s == NULL)
		return -1;
	rc = sqlite3_step(s);
	*n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : fail(l, f);
}

/* ---- opening ---- */

static int
make_tables(struct ledger *l, int64_t version, struct failure *f)
{
	if (version == FORM_VERSION)
		return 0;
	if (version != 0)
		return failure(f,
		    "%s: its tables are of version %lld, and this is a "
		    "relayctl for version %d",
		    l->path, (long long)version, FORM_VERSION);
	return execute(l, tables, f);
}

struct ledger *
ledger_open(const char *path, int to_write, struct failure *f)
{
	/* a reader, too, undoes what somebody left who was killed, if it may */
	const int flags = SQLITE_OPEN_READWRITE |
			  (to_write ? SQLITE_OPEN_CREATE : 0);
	struct ledger *l = calloc(1, sizeof(*l));
	mode_t mask;
	int rc;

	if (l == NULL)
		return failure_null(f, "out of memory");
	l->path = path;
	mask = umask(027); /* its group may be let read it */
	rc = sqlite3_open_v2(path, &l->db, flags, NULL);
	umask(mask);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(l->db, BUSY_MS);
		return l;
	}
	failure(f, "%s: %s", path,
	    rc == SQLITE_CANTOPEN ? strerror(sqlite3_system_errno(l->db))
				  : sqlite3_errmsg(l->db));
	ledger_close(l);
	return NULL;
}

void
ledger_close(struct ledger *l)
{
	sqlite3_close(l->db);
	free(l);
}

int
ledger_begin(struct ledger *l, struct failure *f)
{
	int64_t version;

	/* only now does it look at the file */
	if (execute(l, "BEGIN IMMEDIATE", f) == -1 ||
	    number(l, &version, f, "PRAGMA user_version", "") == -1)
		return -1;
	return make_tables(l, version, f);
}

int
ledger_commit(struct ledger *l, struct failure *f)
{
	return execute(l, "COMMIT", f);
}

/* ---- adding ---- */

void
ledger_day(time_t when, char day[static LEDGER_DAY_SIZE])
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(day, LEDGER_DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		*day = '\0';
}

/* A socket has one broker at a time: those before it are gone for good. */
static int
replace_broker(struct ledger *l, const char *socket, struct failure *f)
{
	if (change(l, f,
		"DELETE FROM counter WHERE instance IN"
		" (SELECT instance FROM broker WHERE socket = ?)",
		"t", socket) == -1 ||
	    change(l, f, "DELETE FROM broker WHERE socket = ?", "t", socket) ==
		-1)
		return -1;
	return change(l, f,
	    "INSERT INTO broker (instance, socket) VALUES (?, ?)", "tt",
	    l->instance, socket);
}

int
ledger_broker(struct ledger *l, uint32_t instance, const char *socket,
    time_t started, time_t now, struct failure *f)
{
	char day[LEDGER_DAY_SIZE];
	int64_t known, followed;

	ledger_day(now, l->day);
	ledger_day(started, day);
	snprintf(l->instance, sizeof(l->instance), "%08x", instance);
	if (number(l, &known, f,
		"SELECT count(*) FROM broker WHERE instance = ?", "t",
		l->instance) == -1 ||
	    number(l, &followed, f,
		"SELECT count(*) FROM broker WHERE socket = ?", "t",
		socket) == -1)
		return -1;
	l->counts = known || followed || strcmp(day, l->day) == 0;
	if (!known && replace_broker(l, socket, f) == -1)
		return -1;
	return l->counts;
}

struct counters {
	int64_t sessions, up, down;
};

/* What they were when they were read last. */
static int
read_last(struct ledger *l, const char *customer, struct counters *last,
    struct failure *f)
{
	sqlite3_stmt *s = query(l, f,
	    "SELECT sessions, up, down FROM counter"
	    " WHERE instance = ? AND customer = ?",
	    "tt", l->instance, customer);

	*last = (struct counters){0, 0, 0};
	if (s == NULL)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW) {
		last->sessions = sqlite3_column_int64(s, 0);
		last->up = sqlite3_column_int64(s, 1);
		last->down = sqlite3_column_int64(s, 2);
	}
	return sqlite3_finalize(s) == SQLITE_OK ? 0 : fail(l, f);
}

int
ledger_add(struct ledger *l, const struct row_customer *row, struct failure *f)
{
	const struct counters now = {.sessions = (int64_t)row->sessions_total,
	    .up = (int64_t)row->up_total,
	    .down = (int64_t)row->down_total};
	struct counters last;

	if (read_last(l, row->name, &last, f) == -1)
		return -1;
	/* most are idle, and cost the disk nothing */
	if (memcmp(&now, &last, sizeof(now)) == 0)
		return 0;
	if (l->counts &&
	    change(l, f,
		"INSERT INTO usage (day, customer, sessions, up, down)"
		" VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
		" sessions = sessions + excluded.sessions,"
		" up = up + excluded.up, down = down + excluded.down",
		"ttnnn", l->day, row->name, now.sessions - last.sessions,
		now.up - last.up, now.down - last.down) == -1)
		return -1;
	return change(l, f,
	    "INSERT OR REPLACE INTO counter"
	    " (instance, customer, sessions, up, down) VALUES (?, ?, ?, ?, ?)",
	    "ttnnn", l->instance, row->name, now.sessions, now.up, now.down);
}

/* ---- reading ---- */

static void
take_row(sqlite3_stmt *s, struct ledger_row *row)
{
	snprintf(row->day, sizeof(row->day), "%s",
	    (const char *)sqlite3_column_text(s, 0));
	snprintf(row->customer, sizeof(row->customer), "%s",
	    (const char *)sqlite3_column_text(s, 1));
	row->sessions = (uint64_t)sqlite3_column_int64(s, 2);
	row->up = (uint64_t)sqlite3_column_int64(s, 3);
	row->down = (uint64_t)sqlite3_column_int64(s, 4);
}

int
ledger_list(struct ledger *l, const char *since,
    void (*each)(const struct ledger_row *row, void *context), void *context,
    struct failure *f)
{
	sqlite3_stmt *s = query(l, f,
	    "SELECT day, customer, sessions, up, down FROM usage"
	    " WHERE day >= ? ORDER BY day, customer",
	    "t", since);
	struct ledger_row row;

	if (s == NULL)
		return -1;
	while (sqlite3_step(s) == SQLITE_ROW) {
		take_row(s, &row);
		each(&row, context);
	}
	return sqlite3_finalize(s) == SQLITE_OK ? 0 : fail(l, f);
}
