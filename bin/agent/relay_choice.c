/* The first relay that works: see relay_choice.h. */
#include "agent/relay_choice.h"
#include "base/deadline.h"

static void
begin(struct relay_choice *c, size_t index, int64_t now)
{
	c->of[index].waits = c->of[index].lost = 0;
	c->of[index].since = now;
}

void
relay_choice_init(struct relay_choice *c, size_t n, int64_t now)
{
	c->n = n;
	c->last = 0;
	begin(c, 0, now);
}

/* When it would count as lost, or as one that works again. */
static int64_t
turn(const struct relay_choice *c, size_t i)
{
	if (!c->of[i].lost && !c->of[i].waits)
		return c->of[i].since + RELAY_CHOICE_PATIENCE_MS;
	if (c->of[i].lost && c->of[i].waits)
		return c->of[i].since +
		       (i == c->last ? 0 : RELAY_CHOICE_SETTLED_MS);
	return DEADLINE_NONE;
}

void
relay_choice_note(
    struct relay_choice *c, size_t i, int waits, int failed, int64_t now)
{
	if (waits != c->of[i].waits)
		c->of[i].since = now;
	c->of[i].waits = waits;
	if (turn(c, i) <= now)
		c->of[i].lost = !waits;
	else if (failed && !waits)
		c->of[i].lost = 1;
}

int
relay_choice_move(struct relay_choice *c, int64_t now)
{
	const size_t before = c->last;
	size_t first = 0;

	while (first < before && c->of[first].lost)
		first++;
	c->last = first;
	if (first == before && c->of[first].lost && first + 1 < c->n)
		begin(c, ++c->last, now);
	return c->last != before;
}

int64_t
relay_choice_due(const struct relay_choice *c, int64_t now)
{
	int64_t due = DEADLINE_NONE;

	for (size_t i = 0; i <= c->last; i++)
		if (turn(c, i) > now)
			due = deadline_first(due, turn(c, i));
	return due;
}
