/*
 * "several": which of several relays an agent polls where the first that works
 * is enough (bin/agent/relay_choice.c), minutes in no time, and that the
 * addresses of a name change places within their family alone
 * (bin/dial/dial.c). Says what is not as it should be, and exits 1 then.
 */
#include "agent/relay_choice.h"
#include "base/deadline.h"
#include "dial/dial.h"
#include "need.h"

#include <netdb.h>
#include <string.h>

#define PATIENCE RELAY_CHOICE_PATIENCE_MS
#define SETTLED  RELAY_CHOICE_SETTLED_MS

static int64_t now = 1000000;

/* As it is at the relays up to the last: 'w'aits, 'f'ailed, or neither. */
static size_t
after(struct relay_choice *c, int64_t ms, const char *how)
{
	now += ms;
	for (size_t i = 0; i <= c->last && i < strlen(how); i++)
		relay_choice_note(c, i, how[i] == 'w', how[i] == 'f', now);
	relay_choice_move(c, now);
	return c->last;
}

static void
goes_on_and_comes_back(void)
{
	struct relay_choice c;

	relay_choice_init(&c, 3, now);
	need(after(&c, PATIENCE - 1, "-") == 0, "it is waited for");
	need(relay_choice_due(&c, now) == now + 1, "and no longer");
	need(after(&c, 0, "w") == 0, "it works");
	need(relay_choice_due(&c, now) == DEADLINE_NONE, "nothing is due");
	need(after(&c, 5 * PATIENCE, "w") == 0, "it works on");
	need(after(&c, 1, "-") == 0, "no poll waits, for a moment");
	need(after(&c, PATIENCE - 1, "-") == 0, "it is not lost yet");
	need(after(&c, 1, "-") == 1, "it is lost");
	need(after(&c, 1, "fw") == 1, "the next one works");
	need(after(&c, 1, "ww") == 1, "the first one does again");
	need(relay_choice_due(&c, now) == now + SETTLED, "it has to settle");
	need(after(&c, SETTLED - 1, "ww") == 1, "not settled yet");
	need(after(&c, 0, "-w") == 1, "it was lost meanwhile");
	need(after(&c, 1, "ww") == 1, "so it has to settle anew");
	need(after(&c, SETTLED, "ww") == 0, "back to it");
}

static void
one_after_the_other(void)
{
	struct relay_choice c;

	relay_choice_init(&c, 3, now);
	need(after(&c, 1, "f") == 1, "the first has failed");
	need(after(&c, 1, "ff") == 2, "the second has");
	need(after(&c, 1, "fff") == 2, "all have, and are tried");
	need(after(&c, 1, "fwf") == 2, "the second works");
	need(after(&c, SETTLED, "fwf") == 1, "and has settled");
	need(after(&c, 1, "ff") == 2, "lost again, the third is new");
	need(after(&c, 1, "ffw") == 2, "that one works at once");
	need(after(&c, SETTLED, "ffw") == 2, "and goes on to");
	relay_choice_init(&c, 1, now);
	need(after(&c, 1, "f") == 0, "there is no other one");
}

static uint32_t
chance(void)
{
	static uint32_t state = 1;

	state = state * 1103515245U + 12345U;
	return state >> 16;
}

static void
shuffles(void)
{
	struct addrinfo list[6] = {{.ai_family = AF_INET6},
	    {.ai_family = AF_INET}, {.ai_family = AF_INET6},
	    {.ai_family = AF_INET}, {.ai_family = AF_INET6},
	    {.ai_family = AF_INET6}};
	const struct addrinfo *order[6];
	unsigned first[6] = {0};

	for (int round = 0; round < 4000; round++) {
		unsigned seen = 0;

		for (size_t i = 0; i < 6; i++)
			order[i] = &list[i];
		dial_shuffle(order, 6, chance);
		for (size_t i = 0; i < 6; i++) {
			need(order[i]->ai_family == list[i].ai_family,
			    "a place keeps its family");
			seen |= 1U << (order[i] - list);
		}
		need(seen == 63, "all are there");
		first[order[0] - list]++;
	}
	for (size_t i = 0; i < 6; i++)
		need(list[i].ai_family == AF_INET ||
			 (first[i] > 800 && first[i] < 1200),
		    "each is as often the first");
}

int
main(void)
{
	goes_on_and_comes_back();
	one_after_the_other();
	shuffles();
	return 0;
}
