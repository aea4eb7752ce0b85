/*
 * How a stone meets an agent at another relay, for spin: two relays, each with its
 * broker (broker/registrar.c, joining.c, reach.c, waking.c, presence.c), relay-peer
 * and its processes (handlers/peer/peerd.c, outbound.c, inbound.c), and
 * relay-presence with what the store says (handlers/presence/publisher.c, lookup.c).
 *
 * Two stones and two agents, of one customer or of two; an agent of the first stone is
 * at the other relay, the others are at either, and the relays may differ in whose
 * the first stone is. An agent waits or is parked. Who sits at an end, each process of
 * a crossing, relay-peer, relay-presence or a whole relay may die between any two
 * steps, or a deadline pass too early; one of these happens. The store may say for a
 * while what is not so, or not answer, or there is none.
 *
 * What a handler and its broker say to each other is pairing.pml's, so it is one step
 * here. pairing_next takes any waiting agent and stone: so every order is checked. An
 * inbound process waits as long as its stone does, since that asks again.
 *
 * What must hold are the flags below, which must never be set.
 * check.sh runs all, and the mutants: what is broken by -DMUTANT_... must be noticed.
 */

/* handlers; an inbound process is a stone's to its broker, an outbound an agent's */
#define STONES     2
#define CROSSINGS  2 /* at a time */
#define inbound(c) (2 + c)
#define AGENT_A    4
#define AGENT_B    5
#define outbound(c) (6 + c)
#define N          8

#define is_agent(h)  (h == AGENT_A || h == AGENT_B)
#define forwarded(h) (h > AGENT_B || h >= STONES && h < AGENT_A)

#ifdef MUTANT_TWO_HOPS
#define SEEKERS AGENT_A
#else
#define SEEKERS STONES
#endif

#define BROKEN 15 /* a hop whose other end is closed */
#define NOBODY 15

/* NONE: not here yet, or no process. A broker has WAITING and LEAVING as waiting,
 * from MATCHED on as in a session. */
mtype:state = { NONE, HELD, WAITING, MATCHED, SPLICING, ENDED,
	PARKED, WAKING,     /* an agent without a handler */
	OPENED, DELIVERING, /* an outbound's: the head is on its way */
	OFFERED, TAKING, LEAVING }; /* an inbound's: OPEN, HEAD; it gives up */
mtype:frame = { NOTHING, READY, REFUSED, TAKEN };
mtype:verdict = { UNTOLD, NOWHERE, FOUND };

/* ---- what must never be ---- */

bool two_identities_joined;
bool matched_twice;
bool two_hops;
bool stone_lost;     /* at rest it waits, and an agent within its reach */
bool other_end_kept; /* at rest somebody is held for who has left */

/* ---- the world ---- */

bit at[N], key[N];  /* which relay, whose */
bool differs;       /* the relay's tables of customers */
bool has_store;
bool relay[2] = true, peer[2] = true, presence[2];
#ifndef FAULTS
#define FAULTS 1
#endif
byte faults = FAULTS; /* deaths, and deadlines that pass too early */

mtype:state state[N] = NONE;
byte hop[N];            /* 1 + who has its other end; 0: none; BROKEN */
byte head[N];           /* in an agent's end: 1 + whose */
bool taken[N];          /* in a stone's end */

/* The broker's (struct seek), relay-peer's (struct seeker), relay-presence's. */
bool asked[SEEKERS];
bool owes[SEEKERS];      /* relay-presence an answer */
bool seeks[SEEKERS];     /* a process does, and has asked nobody yet */
bool unsought[SEEKERS];  /* it has died: match_timeout comes, and a 503 */
mtype:verdict told[SEEKERS] = UNTOLD;

/* A crossing: a connection of two processes. */
byte whose[CROSSINGS];   /* 1 + the stone; 0: none */
bool life[CROSSINGS];    /* of the outbound, as relay-peer holds it */
byte forth[CROSSINGS];   /* HEAD: 1 + whose; 0: nothing */
mtype:frame back[CROSSINGS] = NOTHING;

bool entry[4];           /* the store's, of relay and customer */

/* what a step works with; nothing between two steps */
byte i, p;
#define clear i = 0; p = 0

/* ---- a broker's table ---- */

#define is_of(h, r, k)    (at[h] == r && key[h] == k)
#define counts(a)         (state[a] == WAITING || state[a] == PARKED || \
	state[a] == WAKING)
#define is_waiting(s)     (state[s] == WAITING || \
	state[s] == LEAVING && hop[s] == 0)
#define has_agent(a, r, k) (is_of(a, r, k) && counts(a))
#define has_stone(s, r, k) \
	(is_of(s, r, k) && (is_waiting(s) || state[s] == HELD))
#define nagents(r, k) (has_agent(AGENT_A, r, k) + has_agent(AGENT_B, r, k))
#define nstones(r, k) (has_stone(0, r, k) + has_stone(1, r, k) + \
	has_stone(2, r, k) + has_stone(3, r, k))
#define is_waking(a, r, k) (is_of(a, r, k) && state[a] == WAKING)
#define nwaking(r, k) (is_waking(AGENT_A, r, k) + is_waking(AGENT_B, r, k))
#define lacks(s)      (nagents(at[s], key[s]) < nstones(at[s], key[s]))

/* ---- reach.c, and relay-peer, to which it speaks ---- */

/* peerd.c: its life ends, which it finds out in time */
inline forget(s)
{
	seeks[s] = false;
	life[0] = life[0] && whose[0] != s + 1;
	life[1] = life[1] && whose[1] != s + 1
}

/* REACH */
inline search(s)
{
	if
	:: peer[at[s]] ->
		forget(s);
		seeks[s] = true;
		unsought[s] = false
	:: else
	fi
}

inline ask(s)
{
	told[s] = UNTOLD;
	owes[s] = presence[at[s]];
	if
	:: !owes[s] -> search(s)
	:: else
	fi
}

inline reach_begin(s)
{
	if
	:: !asked[s] && state[s] == WAITING && lacks(s) ->
		asked[s] = true;
		ask(s)
	:: else
	fi
}

/* of one relay and customer */
inline reach_for(r, k)
{
	if
	:: is_of(0, r, k) -> reach_begin(0)
	:: else
	fi;
	if
	:: is_of(1, r, k) -> reach_begin(1)
	:: else
	fi
}

/* LEFT */
inline reach_end(s)
{
	asked[s] = false;
	owes[s] = false;
	told[s] = UNTOLD;
	unsought[s] = false;
#ifndef MUTANT_LEFT
	forget(s)
#endif
}

inline reach_again(r)
{
#ifdef MUTANT_ATTACH
	skip
#else
	if
	:: at[0] == r && asked[0] -> ask(0)
	:: else
	fi;
	if
	:: at[1] == r && asked[1] -> ask(1)
	:: else
	fi
#endif
}

/* ---- joining.c ---- */

inline joining_pair(a, s)
{
	matched_twice = hop[a] != 0 || hop[s] != 0;
	assert(!matched_twice);
	two_hops = forwarded(a) && forwarded(s);
	assert(!two_hops);
	hop[a] = s + 1;
	hop[s] = a + 1;
	if
	:: s < STONES -> /* which sends its head at once */
		reach_end(s);
		state[s] = MATCHED;
		head[a] = s + 1;
		state[a] = MATCHED
	:: s >= STONES ->
		state[a] = MATCHED;
		if
		:: state[s] == WAITING ->
			state[s] = MATCHED;
			back[s - 2] = READY
		:: else /* it is about to leave */
		fi
	fi
}

#define can_meet(a, s) (at[a] == at[s] && key[a] == key[s])

/* pairing_next, for an agent and for a stone that begins to wait: p is with whom */
inline choose_stone(a)
{
	if
	:: is_waiting(0) && can_meet(a, 0) -> p = 0
	:: is_waiting(1) && can_meet(a, 1) -> p = 1
	:: is_waiting(2) && can_meet(a, 2) -> p = 2
	:: is_waiting(3) && can_meet(a, 3) -> p = 3
	:: else -> p = NOBODY
	fi
}

inline choose_agent(s)
{
	if
	:: state[AGENT_A] == WAITING && can_meet(AGENT_A, s) -> p = AGENT_A
	:: state[AGENT_B] == WAITING && can_meet(AGENT_B, s) -> p = AGENT_B
	:: else -> p = NOBODY
	fi
}

#define can_wake(a, r, k) (is_of(a, r, k) && state[a] == PARKED && \
	nwaking(r, k) < nstones(r, k))

inline waking_for(r, k)
{
	if
	:: can_wake(AGENT_A, r, k) -> state[AGENT_A] = WAKING
	:: else
	fi;
	if
	:: can_wake(AGENT_B, r, k) -> state[AGENT_B] = WAKING
	:: else
	fi
}

/* joining_match */
inline match_stone(s)
{
	if
	:: p != NOBODY -> joining_pair(p, s)
	:: else -> waking_for(at[s], key[s])
	fi
}

/* ---- hops ---- */

inline hop_close(h)
{
	if
	:: hop[h] != 0 && hop[h] != BROKEN -> hop[hop[h] - 1] = BROKEN
	:: else
	fi;
	hop[h] = 0;
	head[h] = 0;
	taken[h] = false
}

#define is_joined(h) (hop[h] != 0 && hop[h] != BROKEN)

/* To who still has the other end. */
inline hop_send_taken(h)
{
	if
	:: is_joined(h) -> taken[hop[h] - 1] = true
	:: else
	fi
}

/* ---- a stone here ---- */

inline stone_leaves(s)
{
	reach_end(s);
	hop_close(s);
	state[s] = ENDED
}

/* MATCHED_OTHER_GONE */
#define stone_is_alone(s) (state[s] == MATCHED && !taken[s] && \
	(hop[s] == BROKEN || faults > 0))
#define stone_begins(s) (state[s] == HELD || \
	state[s] == NONE && relay[at[s]] && !presence[at[s]])

proctype stone(byte s)
{
end_stone:
	do
	/* quota.c: where relay-presence is, it stands aside at first. */
	:: d_step { state[s] == NONE && relay[at[s]] && presence[at[s]] ->
		state[s] = HELD }
	:: atomic { stone_begins(s) -> choose_agent(s);
		d_step { state[s] = WAITING; match_stone(s); reach_begin(s);
			clear } }

	/* joining_call_off */
	:: atomic { stone_is_alone(s) -> choose_agent(s);
		d_step {
			faults = faults - (hop[s] == BROKEN -> 0 : 1);
			hop_close(s);
			state[s] = WAITING;
			match_stone(s);
#ifndef MUTANT_CALL_OFF
			reach_begin(s);
#endif
			clear
		} }
	:: d_step { state[s] == MATCHED && taken[s] ->
		taken[s] = false; state[s] = SPLICING }
	:: d_step { state[s] == SPLICING && hop[s] == BROKEN ->
		stone_leaves(s); clear }
	:: d_step { faults > 0 && state[s] != NONE && state[s] != ENDED ->
		faults--; stone_leaves(s); clear }
	od
}

/* ---- an agent here ---- */

/* whose head it is */
inline pass_head_on(a)
{
	p = head[a] - 1;
	head[a] = 0;
	two_identities_joined = key[p] != key[a];
	assert(!two_identities_joined);
	hop_send_taken(a);
	state[a] = SPLICING
}

/* conn_drop; of one that is parked or on its way stones have to know */
inline agent_leaves(a)
{
	p = (state[a] == PARKED || state[a] == WAKING);
	hop_close(a);
	state[a] = ENDED;
	if
	:: p == 1 -> reach_for(at[a], key[a]); waking_for(at[a], key[a])
	:: else
	fi
}

#define agent_is_alone(a) (state[a] == MATCHED && head[a] == 0 && \
	(hop[a] == BROKEN || faults > 0))
#define agent_begins(a) (state[a] == WAKING || \
	state[a] == NONE && relay[at[a]])

proctype agent(byte a)
{
end_agent:
	do
	:: d_step { state[a] == NONE && relay[at[a]] -> /* parking_take */
		state[a] = PARKED; waking_for(at[a], key[a]); clear }
	:: atomic { agent_begins(a) || agent_is_alone(a) -> choose_stone(a);
		d_step {
			faults = faults - (state[a] == MATCHED && hop[a] != BROKEN
			    -> 1 : 0);
			i = (state[a] == WAKING);
			hop_close(a);
			state[a] = WAITING;
#ifndef MUTANT_WOKEN
			/* stones may have counted on it, and it meets another */
			if
			:: i == 1 -> reach_for(at[a], key[a])
			:: else
			fi;
#endif
			if
			:: p != NOBODY -> joining_pair(a, p)
			:: else
			fi;
			clear
		} }
	:: d_step { state[a] == MATCHED && head[a] != 0 ->
		pass_head_on(a); clear }
	:: d_step { state[a] == SPLICING && hop[a] == BROKEN ->
		agent_leaves(a); clear }
	:: d_step { faults > 0 && state[a] != NONE && state[a] != ENDED ->
		faults--; agent_leaves(a); clear }
	od
}

/* ---- a crossing ---- */

#define in        inbound(c)
#define out       outbound(c)
#define in_gone   (state[in] == NONE)
#define out_gone  (state[out] == NONE)
#define is_first_free(c) (whose[c] == 0 && (c == 0 || whose[0] != 0))
#define can_cross(s) (seeks[s] && peer[at[s]] && peer[1 - at[s]])

inline tidy()
{
	if
	:: in_gone && out_gone ->
		whose[c] = 0; forth[c] = 0; back[c] = NOTHING;
		at[in] = 0; key[in] = 0; at[out] = 0
	:: else
	fi
}

inline out_leaves()
{
	hop_close(out);
	state[out] = NONE;
	life[c] = false;
	tidy()
}

inline in_leaves()
{
	hop_close(in);
	state[in] = NONE;
	tidy()
}

/* means_another */
#ifdef MUTANT_KEY
#define is_refused(s) false
#else
#define is_refused(s) (key[in] != key[s])
#endif

/* OPEN is on its way. */
inline open(s)
{
	seeks[s] = false;
	life[c] = true;
	whose[c] = s + 1;
	state[out] = OPENED;
	at[out] = at[s];
	at[in] = 1 - at[s];
	key[in] = (differs && s == 0 -> 1 - key[s] : key[s]);
	state[in] = OFFERED
}

/* on_meet, pairing_meet. Where it cannot be, the search is over. */
#ifdef MUTANT_MEET
#define may_meet(s) (state[s] != ENDED)
#endif
#ifdef MUTANT_TWO_HOPS
#define may_meet(s) (asked[s] && state[s] == WAITING)
#endif
#ifndef may_meet
#define may_meet(s) (asked[s] && state[s] == WAITING && !forwarded(s))
#endif

inline meet()
{
	back[c] = NOTHING;
	p = whose[c] - 1;
	if
	:: may_meet(p) ->
		joining_pair(out, p);
		forth[c] = head[out]; /* deliver */
		head[out] = 0;
		state[out] = DELIVERING
	:: else -> out_leaves()
	fi
}

/* ATTEMPT_NEXT, ATTEMPT_DOWN: it asks again, if it still lives */
inline attempt_next()
{
	p = whose[c] - 1;
#ifndef MUTANT_REFUSED
	if
	:: life[c] && !is_refused(p) -> seeks[p] = true
	:: else
	fi;
#endif
	out_leaves()
}

inline note_unsought()
{
	if
	:: life[c] && state[out] == OPENED -> unsought[whose[c] - 1] = true
	:: else
	fi
}

/* Its agent has not taken the head: it waits for a moment, and wants no other. */
#define gives_up(in) (state[in] == TAKING && !taken[in] && \
	(hop[in] == BROKEN || faults > 0))

proctype crossing(byte c)
{
end_crossing:
	do
	:: d_step { is_first_free(c) && can_cross(0) -> open(0); clear }
	:: d_step { is_first_free(c) && can_cross(1) -> open(1); clear }
#ifdef MUTANT_TWO_HOPS
	:: d_step { is_first_free(c) && can_cross(2) -> open(2); clear }
	:: d_step { is_first_free(c) && can_cross(3) -> open(3); clear }
#endif
	:: d_step { state[in] == OFFERED && is_refused(whose[c] - 1) ->
		back[c] = REFUSED; in_leaves(); clear }
	:: atomic { state[in] == OFFERED && !is_refused(whose[c] - 1) ->
		choose_agent(in);
		d_step { state[in] = WAITING; match_stone(in);
#ifdef MUTANT_TWO_HOPS
			reach_begin(in);
#endif
			clear } }
	:: atomic { gives_up(in) -> choose_agent(in);
		d_step {
			faults = faults - (hop[in] == BROKEN -> 0 : 1);
			hop_close(in);
			state[in] = LEAVING;
			match_stone(in);
			clear
		} }

	/* the stone's end */
	:: d_step { state[out] == OPENED && back[c] == READY -> meet(); clear }
	:: d_step { state[out] == OPENED && (back[c] == REFUSED ||
		back[c] == NOTHING && in_gone) -> attempt_next(); clear }
	:: d_step { state[out] == DELIVERING && back[c] == TAKEN ->
		back[c] = NOTHING; hop_send_taken(out); state[out] = SPLICING }
	:: d_step {
		if
		:: state[out] == OPENED && !life[c]
		:: state[out] == DELIVERING && (back[c] == REFUSED ||
			back[c] == NOTHING && in_gone)
		:: state[out] == DELIVERING && faults > 0 ->
			faults-- /* CROSSING_TAKE_MS */
		:: state[out] == SPLICING && (hop[out] == BROKEN || in_gone)
		:: faults > 0 && !out_gone -> faults--; note_unsought()
		fi;
		out_leaves();
		clear
	}

	/* the agent's end */
	:: d_step { state[in] == MATCHED && forth[c] != 0 && is_joined(in) ->
		head[hop[in] - 1] = forth[c]; forth[c] = 0; state[in] = TAKING }
	:: d_step { state[in] == TAKING && taken[in] ->
		taken[in] = false; back[c] = TAKEN; state[in] = SPLICING }
	:: d_step {
		if
#ifndef MUTANT_NO_LOOK
		:: (state[in] == WAITING || state[in] == OFFERED) && out_gone
#endif
		:: state[in] == WAITING && faults > 0 -> /* wait_ms */
			faults--; back[c] = REFUSED
		:: state[in] == MATCHED && (forth[c] != 0 && hop[in] == BROKEN ||
			forth[c] == 0 && out_gone)
		:: state[in] == MATCHED && faults > 0 ->
			faults-- /* CROSSING_HEAD_MS */
		:: state[in] == LEAVING -> back[c] = REFUSED
		:: state[in] == SPLICING && (hop[in] == BROKEN || out_gone)
		:: faults > 0 && !in_gone -> faults--
		fi;
		in_leaves();
		clear
	}
	od
}

/* ---- relay-presence ---- */

#define of_key(r, k)       entry[2 * r + k]
#define is_or_was(a, r, k) \
	(is_of(a, r, k) && (counts(a) || state[a] == MATCHED))

/* PARTY. One who is away for less than FADE_MS is not taken out. */
#define may_put(r, k)  (presence[r] && !of_key(r, k) && nagents(r, k) > 0)
#define may_take(r, k) (presence[r] && of_key(r, k) && \
	!is_or_was(AGENT_A, r, k) && !is_or_was(AGENT_B, r, k))
#define would_say(s)   (of_key((1 - at[s]), key[s]) -> FOUND : NOWHERE)
#ifdef MUTANT_NOWHERE
#define has_news(s)    (told[s] == UNTOLD)
#else
#define has_news(s)    (told[s] != would_say(s))
#endif

#define may_answer(s) (presence[at[s]] && asked[s] && has_news(s))

proctype lookups(byte s)
{
end_lookups:
	do
	:: d_step { may_answer(s) -> /* ANSWER */
		told[s] = would_say(s);
		owes[s] = false;
		if
		:: told[s] == FOUND -> search(s)
		:: else
		fi }
	:: d_step { owes[s] -> owes[s] = false; search(s) } /* ANSWER_MS */
	od
}

/* ---- each relay's, and its death ---- */

/* All that is at one; a hop does not leave it. */
inline relay_dies(r)
{
	relay[r] = false;
	peer[r] = false;
	presence[r] = false;
	i = 0;
	do
	:: i < N && at[i] == r ->
		if
		:: i < STONES || is_agent(i) -> state[i] = ENDED
		:: else -> state[i] = NONE
		fi;
		hop[i] = 0; head[i] = 0; taken[i] = false;
		i++
	:: i < N && at[i] != r -> i++
	:: i == N -> break
	od;
	i = 0;
	do
	:: i < STONES && at[i] == r -> reach_end(i); i++
	:: i < STONES && at[i] != r -> i++
	:: i == STONES -> break
	od;
	i = 0;
	do
	:: i < CROSSINGS && whose[i] != 0 && state[inbound(i)] == NONE &&
		state[outbound(i)] == NONE ->
		whose[i] = 0; forth[i] = 0; back[i] = NOTHING; life[i] = false;
		at[inbound(i)] = 0; key[inbound(i)] = 0; at[outbound(i)] = 0;
		i++
	:: i < CROSSINGS && !(whose[i] != 0 && state[inbound(i)] == NONE &&
		state[outbound(i)] == NONE) -> i++
	:: i == CROSSINGS -> break
	od
}

/* the pipes of its processes' lives with it */
inline peer_dies(r)
{
	peer[r] = false;
	if
	:: at[0] == r -> forget(0)
	:: else
	fi;
	if
	:: at[1] == r -> forget(1)
	:: else
	fi
}

proctype others(bit r)
{
end_others:
	do
	:: d_step { may_put(r, 0) -> of_key(r, 0) = true }
	:: d_step { may_put(r, 1) -> of_key(r, 1) = true }
	:: d_step { may_take(r, 0) -> of_key(r, 0) = false }
	:: d_step { may_take(r, 1) -> of_key(r, 1) = false }
	:: atomic {
		if
		/* presence_detach, presence_attach, reach_attach */
		:: faults > 0 && presence[r] -> faults--; presence[r] = false
		:: has_store && relay[r] && !presence[r] -> presence[r] = true
		:: relay[r] && !peer[r] -> peer[r] = true
		fi;
		d_step { reach_again(r) }
	}
	:: d_step { faults > 0 && peer[r] -> faults--; peer_dies(r); clear }
	:: d_step { faults > 0 && relay[r] -> faults--; relay_dies(r); clear }
	od
}

/* ---- at rest ---- */

#define is_there(a)     (state[a] == WAITING || state[a] == PARKED)
#define reaches(s, a)   (is_there(a) && key[s] == key[a] && \
	(at[s] == at[a] || !(differs && s == 0)))
#define is_lost(s)      ((state[s] == WAITING || state[s] == HELD) && \
	!unsought[s] && (reaches(s, AGENT_A) || reaches(s, AGENT_B)))

/* a search that goes on, or a session */
#define is_search(c)    (state[outbound(c)] == OPENED && life[c] && \
	state[inbound(c)] == WAITING && state[whose[c] - 1] == WAITING)
#define is_session(c)   (state[outbound(c)] == SPLICING && \
	state[inbound(c)] == SPLICING)
#define is_kept(c)      (whose[c] != 0 && !is_search(c) && !is_session(c))
#define hangs(h)        (state[h] == MATCHED || state[h] == WAKING)

init {
	atomic {
		at[AGENT_A] = 1; /* so that there is something to cross for */
		if
		:: true
#ifndef ONE_CUSTOMER
		:: at[1] = 1
		:: key[1] = 1
		:: at[1] = 1; key[1] = 1
		:: key[1] = 1; differs = true
		:: at[1] = 1; key[1] = 1; differs = true
#endif
		fi;
		key[AGENT_B] = key[1];
		if
		:: true
		:: at[AGENT_B] = 1
		fi;
		if
		:: true
		:: !differs -> /* an earlier one has left there what is not so */
			has_store = true;
			entry[2] = true; entry[3] = true
		fi;
		presence[0] = has_store;
		presence[1] = has_store;
		run stone(0); run stone(1);
		run agent(AGENT_A); run agent(AGENT_B);
		run crossing(0); run crossing(1);
		run lookups(0); run lookups(1);
		run others(0); run others(1)
	}
	if
	:: d_step { faults > 0 -> faults = 0 } /* from now on nobody dies */
	:: faults == 0
	fi;
end_rest:
	timeout ->
	stone_lost = is_lost(0) || is_lost(1);
	other_end_kept = is_kept(0) || is_kept(1) ||
	    hangs(0) || hangs(1) || hangs(AGENT_A) || hangs(AGENT_B);
	assert(!stone_lost);
#ifndef MUTANT_TWO_HOPS /* breaks this too, and sooner */
	assert(!other_end_kept)
#endif
}
