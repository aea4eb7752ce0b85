/*
 * How an agent's and a stone's handler meet, for spin: the broker with its
 * table (broker/pairing.c, session.c, registrar.c), handlers with their states
 * (handlers/connection/state.h), the messages between them (broker/ipc/message.h), and
 * the pair of sockets that a match makes (handlers/channel/hop.h). What has a name
 * there has it here.
 *
 * Two agents and two stones with two keys. Any handler may die between any two
 * of its steps, the broker dies once and comes back, an agent may not take the
 * head that it is given, and one deadline of MATCHED may pass too early.
 *
 * pairing_next takes any waiting agent and stone, not the first of each: so
 * every order is checked, suspects and all. END, PROGRESS, REFUSAL
 * and what an administrator causes are left out; none of them lets anybody meet.
 *
 * What must hold are the flags below, which must never be set, and the formula
 * no_waiter_lost. Every run ends, which is checked too, so that no fairness has
 * to be assumed. check.sh runs all, and the mutants: what is broken by
 * -DMUTANT_... must be noticed.
 */

#define N    4 /* handlers: 0 and 1 are agents', 2 and 3 stones' */
#define HOPS 5 /* of sessions at a time, from 1 on */

#define is_agent(h)      (h < 2)
#define other_of_role(h) (h ^ 1)

mtype:state = { HANDSHAKE, HEAD, REGISTERING, WAITING, MATCHED, SPLICING,
	CLOSING, ENDED };
mtype:waiter = { WAITER_ABSENT, WAITER_WAITING, WAITER_IN_SESSION };
mtype:message = { REGISTER, WELCOME, MESSAGE_MATCHED, WAIT_AGAIN, ANNOUNCE };
/* a connection of a handler to the broker: which of its ends are open */
mtype:conn = { NEITHER, BOTH, BROKERS, HANDLERS };

/* ---- what must never be ---- */

bool two_identities_joined;
bool poll_matched_twice;
bool fd_kept;         /* by the broker, after a match */
bool session_unknown; /* at rest, to the broker */

/* ---- the world ---- */

bit key[N];
mtype:state state[N] = HANDSHAKE;
byte hop[N];    /* struct handler's; 0: none */
bit polled[N];  /* an agent has got a head */
mtype:conn conn[N] = NEITHER;
chan up[N] = [2] of { mtype:message, byte };   /* to the broker; a session */
chan down[N] = [2] of { mtype:message, byte }; /* to the handler; likewise */
byte early = 1; /* deadlines of MATCHED that may pass too early */
bool calm;      /* from some moment on nobody dies, and sessions go on */

/* A pair of sockets; its number is the session's too. */
typedef pair {
	byte agent_fds, stone_fds; /* descriptors of each end */
	byte head;                 /* HOP_HEAD is there, of stone head - 1 */
	bit taken;                 /* HOP_TAKEN is */
}
pair hops[HOPS];

/* The broker's, gone with it */
bool broker_is_there = true;
byte restarts = 1;
mtype:waiter waiter[N] = WAITER_ABSENT;
byte session[N]; /* struct conn's; 0: none */
byte broker_fds; /* of the pair that it is making, which is */
byte made;

/* what a step works with; nothing between two steps */
byte i, p, c, a, s;
mtype:message m;
#define clear i = 0; p = 0; c = 0; a = 0; s = 0; m = 0

#define waits(h) (state[h] == REGISTERING || state[h] == WAITING)

#ifdef LIVENESS
/* A stone is joined, refused or gone: never does it wait for good. Its
 * match_timeout comes only where no agent can (waiting_waiting). */
ltl no_waiter_lost { <>[] (!waits(2) && !waits(3)) }
#endif

/* ---- descriptors ---- */

inline close_agent_end(which)
{
	hops[which].agent_fds--;
	if
	:: hops[which].agent_fds == 0 -> hops[which].head = 0
	:: else
	fi
}

inline close_stone_end(which)
{
	hops[which].stone_fds--;
	if
	:: hops[which].stone_fds == 0 -> hops[which].taken = 0
	:: else
	fi
}

inline close_end(h, which)
{
	if
	:: which == 0
	:: which != 0 && is_agent(h) -> close_agent_end(which)
	:: which != 0 && !is_agent(h) -> close_stone_end(which)
	fi
}

/* A closed socket takes with it what nobody has read of it, fds too. */
inline discard_down(h)
{
	do
	:: nempty(down[h]) ->
		down[h]?m, p;
		if
		:: m == MESSAGE_MATCHED -> close_end(h, p)
		:: else
		fi
	:: empty(down[h]) -> break
	od
}

inline discard_up(h)
{
	do
	:: nempty(up[h]) -> up[h]?m, p
	:: empty(up[h]) -> break
	od
}

inline broker_closes(h)
{
	if
	:: conn[h] == BOTH -> conn[h] = HANDLERS
	:: conn[h] == BROKERS -> conn[h] = NEITHER; discard_up(h)
	:: else
	fi
}

inline handler_closes(h)
{
	discard_down(h);
	if
	:: conn[h] == BOTH -> conn[h] = BROKERS
	:: conn[h] == HANDLERS -> conn[h] = NEITHER; discard_up(h)
	:: else
	fi
}

/* ---- the broker ---- */

#ifdef MUTANT_IDENTITY
#define same_key(x, y) true
#else
#define same_key(x, y) (key[x] == key[y])
#endif

/* pairing_next could take these two, of which c is one. */
#define can_meet(x, y) ((c == x || c == y) && broker_is_there && \
	waiter[x] == WAITER_WAITING && waiter[y] == WAITER_WAITING && \
	same_key(x, y))
#define can_match \
	(can_meet(0, 2) || can_meet(0, 3) || can_meet(1, 2) || can_meet(1, 3))

#define is_announced(h, which) (up[h]??[ANNOUNCE, eval(which)])
#define is_free(which) (hops[which].agent_fds == 0 && \
	hops[which].stone_fds == 0 && session[0] != which && \
	session[1] != which && session[2] != which && session[3] != which && \
	!is_announced(0, which) && !is_announced(1, which) && \
	!is_announced(2, which) && !is_announced(3, which))

inline conn_drop(h)
{
	session[h] = 0;
	waiter[h] = WAITER_ABSENT; /* pairing_leave */
	broker_closes(h)
}

inline fd_close_pair()
{
	if
	:: broker_fds > 0 ->
		close_agent_end(made);
		close_stone_end(made)
	:: else
	fi;
	broker_fds = 0;
	made = 0
}

inline broker_dies()
{
	i = 0;
	do
	:: i < N -> conn_drop(i); i++
	:: else -> break
	od;
	fd_close_pair();
	broker_is_there = false;
	restarts--
}

inline pairing_next()
{
#ifndef MUTANT_DOUBLE
	waiter[a] = WAITER_IN_SESSION;
#endif
	waiter[s] = WAITER_IN_SESSION
}

inline socketpair()
{
	made = 1;
	do
	:: !is_free(made) -> made++
	:: is_free(made) -> break
	od;
	hops[made].agent_fds = 1;
	hops[made].stone_fds = 1;
	broker_fds = 2
}

/* Until introduced, the agent has not been told: it waits on. */
inline introduce()
{
	pairing_next();
	socketpair();
	session[a] = made;
	session[s] = made;
	if
	:: conn[s] == BOTH ->
		hops[made].stone_fds++;
		down[s]!MESSAGE_MATCHED, made;
		introduce_agent()
	:: else ->
		session[a] = 0;
#ifndef MUTANT_AGENT_FORGOTTEN
		waiter[a] = WAITER_WAITING; /* wait_again */
#endif
		conn_drop(s);
#ifndef MUTANT_FD
		fd_close_pair()
#endif
	fi
}

/* Of all that the broker does at once, here it matters when it dies. */
inline introduce_agent()
{
	if
	:: restarts > 0 && !calm -> broker_dies()
	:: conn[a] == BOTH ->
		hops[made].agent_fds++;
		down[a]!MESSAGE_MATCHED, made;
		fd_close_pair()
	:: conn[a] != BOTH ->
		conn_drop(a);
		fd_close_pair()
	fi
}

/* c has just begun to wait. */
inline match()
{
	do
	:: can_match ->
		if
		:: can_meet(0, 2) -> a = 0; s = 2
		:: can_meet(0, 3) -> a = 0; s = 3
		:: can_meet(1, 2) -> a = 1; s = 2
		:: can_meet(1, 3) -> a = 1; s = 3
		fi;
		introduce()
	:: else -> break
	od
}

inline on_register(h)
{
	if
	:: waiter[h] != WAITER_ABSENT || conn[h] != BOTH -> conn_drop(h)
	:: else ->
		waiter[h] = WAITER_WAITING; /* pairing_enter */
		down[h]!WELCOME, 0
	fi
}

/* Takes both out of the session; each says for itself that it waits. */
inline session_cancel(which)
{
	i = 0;
	do
	:: i < N && which != 0 && session[i] == which -> session[i] = 0; i++
	:: i < N && (which == 0 || session[i] != which) -> i++
	:: i == N -> break
	od
}

inline on_wait_again(h)
{
	if
	:: waiter[h] != WAITER_IN_SESSION ||
		session[h] != 0 && session[h] != p -> conn_drop(h)
	:: else ->
		p = session[h];
		session_cancel(p);
		waiter[h] = WAITER_WAITING /* pairing_wait_again */
	fi
}

inline on_announce(h)
{
	if
	:: waiter[h] != WAITER_ABSENT || session[other_of_role(h)] == p ->
		conn_drop(h)
	:: else ->
		session[h] = p;
		waiter[h] = WAITER_IN_SESSION /* pairing_announce */
	fi
}

#ifdef MUTANT_NO_REMATCH
#define matches_after(what) (what != WAIT_AGAIN)
#else
#define matches_after(what) true
#endif

inline registrar_take()
{
	up[c]?m, p;
	if
	:: m == REGISTER -> on_register(c)
	:: m == WAIT_AGAIN -> on_wait_again(c)
	:: m == ANNOUNCE -> on_announce(c)
	fi;
	if
	:: matches_after(m) -> match()
	:: else
	fi
}

#define is_readable(h) (broker_is_there && (conn[h] == BROKERS || \
	conn[h] == BOTH && nempty(up[h])))

inline serve()
{
	if
	:: nempty(up[c]) -> registrar_take()
	:: empty(up[c]) -> conn_drop(c) /* its end */
	fi;
	fd_kept = broker_fds > 0;
	assert(!fd_kept);
	clear
}

proctype broker()
{
end_rest:
	do
	:: atomic {
		if
		:: is_readable(0)
		:: is_readable(1) -> c = 1
		:: is_readable(2) -> c = 2
		:: is_readable(3) -> c = 3
		fi;
		serve()
	}
	:: d_step { restarts > 0 && !calm -> broker_dies(); clear }
	:: !broker_is_there -> broker_is_there = true
	od
}

/* ---- a handler ---- */

inline leave(h)
{
	close_end(h, hop[h]);
	hop[h] = 0;
	polled[h] = 0;
	handler_closes(h);
	state[h] = ENDED
}

/* MATCHED_OTHER_GONE */
inline other_gone(h)
{
	p = hop[h];
	close_end(h, p);
	hop[h] = 0;
	if /* registration_wait_again */
	:: conn[h] == BOTH -> up[h]!WAIT_AGAIN, p; state[h] = WAITING
	:: else -> handler_closes(h); state[h] = REGISTERING
	fi
}

#define taken(h)            hops[hop[h]].taken
#define head_of(h)          hops[hop[h]].head
#define agent_end_closed(h) (hops[hop[h]].agent_fds == 0)
#define stone_end_closed(h) (hops[hop[h]].stone_fds == 0)

/* MATCHED, and what a stone does first in it, matched_stone */
inline run_waiting(h)
{
	down[h]?m, p;
	if
	:: m == MESSAGE_MATCHED && is_agent(h) -> hop[h] = p; state[h] = MATCHED
	:: m == MESSAGE_MATCHED && !is_agent(h) ->
		hop[h] = p;
		if
		:: agent_end_closed(h) -> other_gone(h)
		:: else -> head_of(h) = h + 1; state[h] = MATCHED
		fi
	:: else
	fi
}

/* matched_agent: whose head it is, and that it is the only one */
inline pass_head_on(h)
{
	p = head_of(h) - 1;
	head_of(h) = 0;
	two_identities_joined = key[p] != key[h];
	assert(!two_identities_joined);
	poll_matched_twice = polled[h];
	assert(!poll_matched_twice);
	polled[h] = 1
}

/* A hop that has come to one who is in a session: it would be the second. */
inline aside_serve(h)
{
	down[h]?m, p;
	poll_matched_twice = m == MESSAGE_MATCHED;
	assert(!poll_matched_twice)
}

/* An agent's handler of the same key that may still be given to it */
#define agent_can_come(h, a) (key[a] == key[h] && state[a] != ENDED && \
	state[a] != SPLICING)

#define is_due(h)  (conn[h] == NEITHER && broker_is_there)
#define is_lost(h) (conn[h] == HANDLERS)

proctype handler(byte h)
{
end_rest:
	do
	:: d_step { state[h] == HANDSHAKE ->
		state[h] = HEAD; state[h] = REGISTERING }
	:: d_step { state[h] == REGISTERING && is_due(h) ->
		conn[h] = BOTH; up[h]!REGISTER, 0 }
	:: d_step { state[h] == REGISTERING && nempty(down[h]) ->
		down[h]?m, p; state[h] = WAITING; clear }
	:: d_step { waits(h) && is_lost(h) ->
		handler_closes(h);
#ifdef MUTANT_RESTART
		state[h] = WAITING;
#else
		state[h] = REGISTERING;
#endif
		clear }
	:: d_step { state[h] == WAITING && nempty(down[h]) ->
		run_waiting(h); clear }
	:: d_step { waits(h) && !is_agent(h) && !agent_can_come(h, 0) &&
		!agent_can_come(h, 1) -> /* match_timeout */
		state[h] = CLOSING; leave(h); clear }

	/* MATCHED, an agent's */
	:: d_step { state[h] == MATCHED && is_agent(h) && head_of(h) != 0 ->
		pass_head_on(h); /* and it has taken it */
		taken(h) = (stone_end_closed(h) -> 0 : 1);
		state[h] = SPLICING; clear }
	:: d_step { state[h] == MATCHED && is_agent(h) && head_of(h) != 0 ->
		pass_head_on(h); /* END_UNCONFIRMED */
		leave(h); clear }
	:: d_step { state[h] == MATCHED && is_agent(h) && head_of(h) == 0 &&
		stone_end_closed(h) -> other_gone(h); clear }
	:: d_step { state[h] == MATCHED && is_agent(h) && head_of(h) == 0 &&
		early > 0 -> early--; other_gone(h); clear } /* HEAD_HOP_MS */

	/* MATCHED, a stone's */
	:: d_step { state[h] == MATCHED && !is_agent(h) && taken(h) ->
		taken(h) = 0; state[h] = SPLICING }
	:: d_step { state[h] == MATCHED && !is_agent(h) && !taken(h) &&
		agent_end_closed(h) -> other_gone(h); clear }
	:: d_step { state[h] == MATCHED && !is_agent(h) && early > 0 ->
		early--; other_gone(h); clear } /* HANDLER_ACK_MS */

#ifndef MUTANT_ANNOUNCE
	:: d_step { state[h] == SPLICING && is_due(h) ->
		conn[h] = BOTH; up[h]!ANNOUNCE, hop[h] }
#endif
	:: d_step { state[h] == SPLICING && is_lost(h) ->
		handler_closes(h); clear }
	:: d_step { state[h] == SPLICING && nempty(down[h]) -> aside_serve(h); clear }

	/* it dies, or ends its session */
	:: d_step { state[h] != ENDED && !calm -> leave(h); clear }
	od
}

/* ---- */

#define is_unknown(h) (state[h] == SPLICING && waiter[h] != WAITER_IN_SESSION)

init {
	atomic {
		if /* the others are these with names exchanged */
		:: key[1] = 0; key[2] = 0; key[3] = 0
		:: key[1] = 0; key[2] = 0; key[3] = 1
		:: key[1] = 1; key[2] = 0; key[3] = 0
		:: key[1] = 1; key[2] = 0; key[3] = 1
		fi;
		run broker();
		run handler(0); run handler(1); run handler(2); run handler(3)
	}
	calm = true;
end_rest:
	timeout -> /* nothing moves any more */
#ifndef MUTANT_DOUBLE /* breaks this too, and sooner */
	session_unknown =
	    is_unknown(0) || is_unknown(1) || is_unknown(2) || is_unknown(3);
#endif
	assert(!session_unknown)
}
