/*
 * "elastic": when relay-stone opens and ends shared sessions that nobody said
 * the number of (bin/stone/shared_supply.c, bin/stone/shared_load.c), minutes
 * in no time. Says what is not as it should be, and exits 1 then.
 */
#include "base/deadline.h"
#include "stone/shared_load.h"
#include "stone/shared_supply.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define MB     (1024UL * 1024)

#define MUST(what)                                                             \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "%d: not so: %s\n", __LINE__, #what);  \
			exit(1);                                               \
		}                                                              \
	} while (0)

static int64_t now = 1000 * MINUTE;

static struct shared_supply
elastic(void)
{
	struct shared_supply l;

	shared_supply_init(&l, 1, 1, now);
	return l;
}

static void
open_ready(struct shared_supply *l)
{
	MUST(shared_supply_wanted(l, now) == 1);
	shared_supply_opening(l);
	MUST(shared_supply_wanted(l, now) == 0);
	shared_supply_ready(l);
}

static void
wakes_and_sleeps(void)
{
	struct shared_supply l = elastic();

	MUST(shared_supply_asleep(&l, now));
	MUST(!shared_supply_absent(&l, now + 100 * MINUTE));
	MUST(shared_supply_next_change(&l, now) == DEADLINE_NONE);
	shared_supply_wake(&l, now);
	open_ready(&l);
	MUST(!shared_supply_absent(&l, now));
	shared_supply_left(&l, 1, now);
	MUST(!shared_supply_asleep(&l, now)); /* it is within ten minutes */
	shared_supply_rest(&l, now);
	MUST(shared_supply_asleep(&l, now));
}

static void
grows_while_all_are_busy(void)
{
	struct shared_supply l = elastic();

	shared_supply_wake(&l, now);
	for (size_t n = 1; n <= SHARED_SUPPLY_MOST; n++) {
		open_ready(&l);
		MUST(shared_supply_wanted(&l, now) == 0); /* one is not busy */
		l.busy = n;
	}
	MUST(shared_supply_wanted(&l, now) == 0);
	MUST(!shared_supply_absent(&l, now));
	l.full = SHARED_SUPPLY_MOST;
	MUST(shared_supply_absent(&l, now));
}

static void
a_refusal_lasts(void)
{
	struct shared_supply l = elastic();

	shared_supply_wake(&l, now);
	open_ready(&l);
	l.busy = 1;
	MUST(shared_supply_wanted(&l, now) == 1);
	shared_supply_opening(&l);
	shared_supply_failed(&l, now);
	MUST(!shared_supply_absent(&l, now));
	MUST(shared_supply_wanted(&l, now + 9 * MINUTE) == 0);
	MUST(shared_supply_next_change(&l, now + MINUTE) == now + 10 * MINUTE);
	MUST(shared_supply_wanted(&l, now + 10 * MINUTE) == 1);
}

static void
failure_is_tried_again_while_there_is_use(void)
{
	struct shared_supply l = elastic();

	shared_supply_wake(&l, now);
	shared_supply_opening(&l);
	shared_supply_failed(&l, now);
	MUST(shared_supply_absent(&l, now)); /* relay-stone serves them */
	MUST(shared_supply_wanted(&l, now + 20 * SECOND) == 1);
	MUST(shared_supply_wanted(&l, now + 10 * MINUTE) == 0);
	MUST(shared_supply_asleep(&l, now + 10 * MINUTE));
	shared_supply_used(&l, now + 9 * MINUTE);
	MUST(shared_supply_wanted(&l, now + 18 * MINUTE) == 1);
}

static void
plain_agents_are_left_alone(void)
{
	struct shared_supply l = elastic();

	shared_supply_wake(&l, now);
	shared_supply_opening(&l);
	shared_supply_plain(&l, now);
	shared_supply_left(&l, 0, now);
	MUST(shared_supply_absent(&l, now));
	shared_supply_used(&l, now + 5 * MINUTE);
	MUST(shared_supply_wanted(&l, now + 9 * MINUTE) == 0);
	MUST(shared_supply_wanted(&l, now + 10 * MINUTE) == 1);
}

static void
fixed_ones_are_always_there(void)
{
	struct shared_supply l;

	shared_supply_init(&l, 3, 0, now);
	MUST(!shared_supply_asleep(&l, now + 100 * MINUTE));
	open_ready(&l);
	MUST(shared_supply_wanted(&l, now) == 2);
	for (int i = 0; i < 2; i++) {
		shared_supply_opening(&l);
		shared_supply_ready(&l);
	}
	l.busy = l.full = 3;
	MUST(shared_supply_wanted(&l, now) == 0);
	MUST(!shared_supply_absent(&l, now));
	shared_supply_lost(&l, now, now);
	MUST(shared_supply_wanted(&l, now + MINUTE) == 1);
}

static void
load(void)
{
	struct shared_load l = {.level = LOAD_IDLE};

	MUST(shared_load_next(&l, 0, 256, 0) == DEADLINE_NONE);
	MUST(shared_load_next(&l, 1, 255, 0) <= now);
	/* one connection is in nobody's way */
	MUST(shared_load_judge(&l, 1, 255, 1000 * MB, now));
	MUST(l.level == LOAD_CALM);
	MUST(shared_load_next(&l, 1, 255, 0) == now + SECOND);
	MUST(!shared_load_judge(&l, 2, 254, 1000 * MB, now + SECOND));
	MUST(shared_load_judge(&l, 2, 254, 1001 * MB, now + 2 * SECOND));
	MUST(l.level == LOAD_BUSY);
	MUST(!shared_load_judge(&l, 2, 254, 1001 * MB, now + 3 * SECOND));
	MUST(shared_load_judge(&l, 2, 254, 1001 * MB, now + 8 * SECOND));
	MUST(l.level == LOAD_CALM);
	/* half of its room is used; all is */
	MUST(shared_load_judge(&l, 129, 127, 1001 * MB, now + 9 * SECOND));
	MUST(l.level == LOAD_BUSY);
	MUST(shared_load_next(&l, 256, 0, 0) == 0);
	MUST(shared_load_judge(&l, 256, 0, 1001 * MB, now + 9 * SECOND));
	MUST(l.level == LOAD_FULL);
	MUST(shared_load_judge(&l, 0, 256, 1001 * MB, now + 99 * SECOND));
	MUST(l.level == LOAD_IDLE);
	MUST(shared_load_next(&l, 0, 256, 0) == DEADLINE_NONE);
	MUST(shared_load_next(&l, 0, 256, 1) == now + 100 * SECOND);
}

int
main(void)
{
	wakes_and_sleeps();
	grows_while_all_are_busy();
	a_refusal_lasts();
	failure_is_tried_again_while_there_is_use();
	plain_agents_are_left_alone();
	fixed_ones_are_always_there();
	load();
	return 0;
}
