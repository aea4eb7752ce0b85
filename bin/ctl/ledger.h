/*
 * The ledger: what each customer has used on each day, in a file of SQLite that
 * outlives brokers. The broker's counters begin at 0 with it and only grow; the
 * ledger keeps what they were when they were read last, and adds what they have
 * grown by. So it does not matter how often they are read, nor by how many, nor
 * where one that reads is killed.
 */
#ifndef CTL_LEDGER_H
#define CTL_LEDGER_H

#include "base/failure.h"
#include "ipc/admin_rows.h"

#include <time.h>

#ifndef STATEDIR
#define STATEDIR "/var/lib/vpn-warp"
#endif

#define LEDGER_PATH     STATEDIR "/usage.db"
#define LEDGER_DAY_SIZE 11 /* "2026-11-30", in UTC */

struct ledger;

/*
 * Opens the ledger at path to be written, and makes it where there is none; or
 * to be read. Returns NULL with a reason in f; for ledger_close, which undoes
 * what was not committed.
 */
struct ledger *ledger_open(const char *path, int to_write, struct failure *f);
void ledger_close(struct ledger *l);

/*
 * Shuts all others out who would write, for which it may have to wait. What is
 * added from here on counts at ledger_commit, all or nothing. The counters must
 * be read in between: of two who read them before, one would add what the other
 * has added already. Each returns 0, or -1 with a reason in f.
 */
int ledger_begin(struct ledger *l, struct failure *f);
int ledger_commit(struct ledger *l, struct failure *f);

/*
 * Takes note of the broker of instance at socket, a path without links, which
 * was started at started. Returns 1; 0 where nothing is known of an earlier
 * broker there and this one began on a day before now's: what it has counted
 * belongs to no known day, and is not added; or -1 with a reason in f.
 */
int ledger_broker(struct ledger *l, uint32_t instance, const char *socket,
    time_t started, time_t now, struct failure *f);

/*
 * Adds to now's day what row's counters have grown by. Call it behind
 * ledger_broker. Returns 0, or -1 with a reason in f.
 */
int ledger_add(
    struct ledger *l, const struct row_customer *row, struct failure *f);

struct ledger_row {
	char day[LEDGER_DAY_SIZE];
	char customer[CUSTOMER_NAME_SIZE];
	uint64_t sessions;
	uint64_t up, down; /* bytes from stones, and to them */
};

/*
 * Calls each with every row of the days from since on, in the order of days and
 * then of names. Returns 0, or -1 with a reason in f.
 */
int ledger_list(struct ledger *l, const char *since,
    void (*each)(const struct ledger_row *row, void *context), void *context,
    struct failure *f);

/* Writes the day of when. */
void ledger_day(time_t when, char day[static LEDGER_DAY_SIZE]);

#endif
