/*
 * How an agent is parked and woken, for spin: the broker with its table
 * (broker/pairing_park.c, parking.c, waking.c), the handler that parks its agent and
 * the one that a spawner makes for it again (handlers/connection/parking.c).
 *
 * Two agents and two stones with two keys. Who holds an agent's connection may die
 * between any two steps, an agent may, a deadline of a waking may pass too early, and
 * a handler that was broken into registers as any that is woken. An agent whose
 * connection ends polls anew, once.
 *
 * What must hold are the flags below, which must never be set. Every run ends.
 * check.sh runs all, and the mutants: what is broken by -DMUTANT_... must be noticed.
 */

mtype:waiter = { ABSENT, WAITING, PARKING, PARKED, WAKING, IN_SESSION };
mtype:holder = { NOBODY, HANDLER, BROKER, SPAWNER };
mtype:state = { REGISTERING, WAITS, ASKED, PARKS, SERVES };
mtype:message = { NONE, PARK, PARKED_FD, REGISTER, PARK_OK, MATCHED };

bool woken_twice;          /* or while another holds its connection */
bool two_identities_joined;
bool poll_matched_twice;
bool parked_lost;          /* at rest a stone waits, and its agent is parked */
bool holder_unknown;       /* at rest nobody has what the broker calls parked */

bit key[4];
mtype:waiter waiter[4] = ABSENT;
mtype:holder holder[2] = NOBODY;
mtype:state state[2] = REGISTERING;
mtype:message up[2] = NONE, down[2] = NONE;
byte says[2];              /* a REGISTER's id: 1 + that agent, 0: none */
bool alive[2] = true;
byte polls[2] = 2;         /* that it may still begin */
byte early = 1, lies = 1, deaths = 2;

#define waiting_stones(k) ((waiter[2] == WAITING && key[2] == k) + \
	(waiter[3] == WAITING && key[3] == k))
#define waking(k) ((waiter[0] == WAKING && key[0] == k) + \
	(waiter[1] == WAKING && key[1] == k))

/* ---- the broker ---- */

inline pair(a, s)
{
	two_identities_joined = two_identities_joined || key[a] != key[s];
	poll_matched_twice = poll_matched_twice || state[a] == SERVES;
	assert(!two_identities_joined);
	assert(!poll_matched_twice);
	waiter[a] = IN_SESSION;
	waiter[s] = IN_SESSION;
	down[a] = MATCHED
}

#ifdef MUTANT_IDENTITY
#define can_meet(a, s) (waiter[a] == WAITING && waiter[s] == WAITING)
#else
#define can_meet(a, s) (waiter[a] == WAITING && waiter[s] == WAITING && \
	key[a] == key[s])
#endif

inline match()
{
	do
	:: can_meet(0, 2) -> pair(0, 2)
	:: can_meet(0, 3) -> pair(0, 3)
	:: can_meet(1, 2) -> pair(1, 2)
	:: can_meet(1, 3) -> pair(1, 3)
	:: else -> break
	od
}

#ifdef MUTANT_TWICE
#define can_wake(a) (waiter[a] == PARKED && waiting_stones(key[a]) > 0)
#else
#define can_wake(a) (waiter[a] == PARKED && \
	waiting_stones(key[a]) > waking(key[a]))
#endif

inline hand_over(a)
{
	woken_twice = woken_twice || holder[a] != BROKER;
	assert(!woken_twice);
#ifndef MUTANT_TWICE
	waiter[a] = WAKING;
#endif
	holder[a] = SPAWNER
}

/* waking_for */
inline wake()
{
	do
	:: can_wake(0) && !woken_twice -> hand_over(0)
	:: can_wake(1) && !woken_twice -> hand_over(1)
	:: else -> break
	od
}

#define names_woken(a) (says[a] > 0 && waiter[says[a] - 1] == WAKING && \
	key[says[a] - 1] == key[a])

/* waking_ends: a handler may name whom it likes, and has the key that it has */
inline on_register(a)
{
	if
	:: names_woken(a) -> waiter[says[a] - 1] = ABSENT
	:: else
	fi;
	says[a] = 0;
	waiter[a] = WAITING;
	match();
	wake()
}

inline on_park(a)
{
	if
	:: waiter[a] == WAITING -> waiter[a] = PARKING; down[a] = PARK_OK
	:: else
	fi
}

inline on_parked(a)
{
	if
	:: waiter[a] == PARKING ->
		waiter[a] = PARKED;
		holder[a] = BROKER;
#ifndef MUTANT_NO_LOOK
		wake()
#endif
	:: else -> holder[a] = NOBODY
	fi
}

inline fail(a)
{
	waiter[a] = ABSENT;
#ifndef MUTANT_NO_NEXT
	wake()
#endif
}

#define hung_up(a) (waiter[a] == PARKED && !alive[a])
#define gone(a) (up[a] == NONE && holder[a] == NOBODY && \
	(waiter[a] == WAITING || waiter[a] == PARKING || waiter[a] == PARKED))

proctype broker()
{
end_broker:
	do
	:: d_step { up[0] == PARK -> up[0] = NONE; on_park(0); skip }
	:: d_step { up[1] == PARK -> up[1] = NONE; on_park(1); skip }
	:: d_step { up[0] == PARKED_FD -> up[0] = NONE; on_parked(0); skip }
	:: d_step { up[1] == PARKED_FD -> up[1] = NONE; on_parked(1); skip }
	:: d_step { up[0] == REGISTER -> up[0] = NONE; on_register(0); skip }
	:: d_step { up[1] == REGISTER -> up[1] = NONE; on_register(1); skip }

	/* the connection of a handler, or of a parked agent, has ended */
	:: d_step { gone(0) -> waiter[0] = ABSENT; wake(); skip }
	:: d_step { gone(1) -> waiter[1] = ABSENT; wake(); skip }

	:: d_step { hung_up(0) -> waiter[0] = ABSENT; holder[0] = NOBODY; wake(); skip }
	:: d_step { hung_up(1) -> waiter[1] = ABSENT; holder[1] = NOBODY; wake(); skip }

	/* 1.5 s: it comes late, or not at all */
	:: d_step { waiter[0] == WAKING && (holder[0] == NOBODY || early > 0) ->
		early = early - (holder[0] == NOBODY -> 0 : 1); fail(0); skip }
	:: d_step { waiter[1] == WAKING && (holder[1] == NOBODY || early > 0) ->
		early = early - (holder[1] == NOBODY -> 0 : 1); fail(1); skip }
	od
}

/* ---- an agent, and whoever holds its connection ---- */

proctype connection(byte a)
{
end_connection:
	do
	/* it polls, or polls anew */
	:: d_step { holder[a] == NOBODY && alive[a] && polls[a] > 0 &&
		waiter[a] != PARKED && waiter[a] != PARKING &&
		waiter[a] != WAITING && up[a] == NONE ->
		polls[a]--; holder[a] = HANDLER; state[a] = REGISTERING;
		down[a] = NONE; says[a] = 0; up[a] = REGISTER }

	/* the handler */
	:: d_step { holder[a] == HANDLER && state[a] == REGISTERING &&
		waiter[a] == WAITING -> state[a] = WAITS }
	:: d_step { holder[a] == HANDLER && state[a] == WAITS &&
		down[a] == NONE && up[a] == NONE ->
		state[a] = ASKED; up[a] = PARK }
	:: d_step { holder[a] == HANDLER && down[a] == PARK_OK &&
		state[a] != PARKS -> down[a] = NONE; state[a] = PARKS }
	:: d_step { holder[a] == HANDLER && down[a] == MATCHED &&
		state[a] != SERVES && state[a] != PARKS ->
		down[a] = NONE; state[a] = SERVES }
	:: d_step { holder[a] == HANDLER && state[a] == PARKS && up[a] == NONE &&
		alive[a] -> up[a] = PARKED_FD; holder[a] = BROKER }

	/* the spawner, and the handler that it makes */
	:: d_step { holder[a] == SPAWNER && alive[a] -> holder[a] = HANDLER;
		state[a] = REGISTERING; says[a] = 1 + a; up[a] = REGISTER }
	:: d_step { holder[a] == SPAWNER && alive[a] && lies > 0 -> lies--;
		holder[a] = HANDLER; state[a] = REGISTERING;
		says[a] = 1 + (1 - a); up[a] = REGISTER }

	/* deaths: of the agent, of a handler, of what is under way */
	:: d_step { alive[a] && deaths > 0 -> deaths--; alive[a] = false }
	:: d_step { !alive[a] && (holder[a] == HANDLER || holder[a] == SPAWNER) &&
		up[a] == NONE -> holder[a] = NOBODY }
	:: d_step { deaths > 0 && up[a] == NONE &&
		(holder[a] == HANDLER || holder[a] == SPAWNER) ->
		deaths--; holder[a] = NOBODY }
	od
}

/* It comes when it likes. What it waits for ends with match_timeout, at rest. */
proctype stone(byte s)
{
	d_step { waiter[s] = WAITING; match(); wake(); skip }
}

#define is_lost(s) (waiter[s] == WAITING && \
	((waiter[0] == PARKED && key[0] == key[s] && alive[0]) || \
	 (waiter[1] == PARKED && key[1] == key[s] && alive[1])))
#define is_unknown(a) (waiter[a] == PARKED && holder[a] != BROKER)

init {
	atomic {
		if
		:: key[1] = 0; key[2] = 0; key[3] = 0
		:: key[1] = 0; key[2] = 0; key[3] = 1
		:: key[1] = 1; key[2] = 0; key[3] = 0
		:: key[1] = 1; key[2] = 0; key[3] = 1
		fi;
		run broker();
		run connection(0); run connection(1);
		run stone(2); run stone(3)
	}
end_rest:
	timeout ->
	parked_lost = is_lost(2) || is_lost(3);
	holder_unknown = is_unknown(0) || is_unknown(1);
	assert(!parked_lost);
	assert(!holder_unknown)
}
