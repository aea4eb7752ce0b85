/*
 * Whom the broker takes a handler's client for, for spin: relay-keyd, which signs and
 * vouches (handlers/keyd/keyd.c, proof.c, signed.c), the broker, which asks for its
 * voucher (broker/proof.c), a handler as it is meant to be, and one that lies.
 *
 * Two leaves: the victim's, who has one handshake with each of the two handlers, and
 * that of a friend of the liar, who signs whatever that one likes. The liar has seen
 * all that ever passed: it asks for signatures over anybody's messages, proves with
 * messages of any handshake, registers and comes back as whom it likes, and shows any
 * voucher that there is. Time passes, and broker and relay-keyd start again, between
 * any two steps. Nobody can make a signature of the victim's or of relay-keyd's, nor
 * a voucher: these are what cryptography is for.
 *
 * A request is one packet and its answer, so it is one step here. What must hold is
 * asserted where relay-keyd vouches and where the broker takes a handler. check.sh
 * runs this, and the mutants: what is broken by -DMUTANT_... must be noticed.
 */

#define HONEST 0 /* processes */
#define LIAR   1
#define VICTIM 0 /* leaves */
#define FRIEND 1
#define SIGNED 3 /* signatures that relay-keyd makes, at most */

#define NOBODY 7 /* and no signature */

/* A handshake's first part: the victim's with either of them. A third is anything. */
#define OTHER 2

/* ---- what was signed; all of it is known to the liar ---- */

byte signatures;
byte over[SIGNED];        /* the first part of which handshake: process, or OTHER */
bool by_victim[SIGNED];   /* a client has signed all, with that signature in it */
bool by_friend[SIGNED];
bool in_time[SIGNED];     /* tls_timeout has not passed since */
byte newest;              /* that relay-keyd answered with last */

#define signed_by(s, leaf) (leaf == VICTIM -> by_victim[s] : by_friend[s])

/* ---- relay-keyd's memory: for whom each was made ---- */

bool for_honest[SIGNED], for_liar[SIGNED];

#ifdef MUTANT_PROCESS
#define made_for(s, p) (for_honest[s] || for_liar[s])
#else
#define made_for(s, p) (p == HONEST -> for_honest[s] : for_liar[s])
#endif
#ifdef MUTANT_LEAF
#define has_signed(s, leaf) (by_victim[s] || by_friend[s])
#else
#define has_signed(s, leaf) signed_by(s, leaf)
#endif

/* ---- vouchers, and whom the broker has ---- */

bool voucher[4]; /* of process and leaf */
byte taken[2] = NOBODY;

#define of(p, leaf) (2 * p + leaf)
#ifdef MUTANT_VOUCHER
#define is_good(p, leaf) (voucher[of(HONEST, leaf)] || voucher[of(LIAR, leaf)])
#else
#define is_good(p, leaf) voucher[of(p, leaf)]
#endif

/* ---- what is true ---- */

byte with[2] = NOBODY; /* the signature in the victim's handshake with a process */
bool here[4];          /* who is at a process's other end, of process and leaf */
bool was_here[4];

/* ---- relay-keyd ---- */

inline note(s, p)
{
	if
	:: p == HONEST -> for_honest[s] = true
	:: p == LIAR -> for_liar[s] = true
	fi;
	in_time[s] = true;
	newest = s
}

/* keyd.c, sign. Each is another signature, but for a key of Ed25519. */
inline sign(p, h)
{
#ifdef MUTANT_SAME
	if
	:: signatures > 0 && over[0] == h -> note(0, p)
	:: signatures > 1 && over[1] == h -> note(1, p)
	:: else -> over[signatures] = h; note(signatures, p); signatures++
	fi
#else
	over[signatures] = h;
	note(signatures, p);
	signatures++
#endif
}

/* proof.c, proof_check: each counts once */
inline prove(p, s, leaf)
{
	made_for(s, p) && has_signed(s, leaf) ->
	if
	:: p == HONEST -> for_honest[s] = false
	:: p == LIAR -> for_liar[s] = false
	fi;
	assert(here[of(p, leaf)]);
	voucher[of(p, leaf)] = true
}

/* ---- the broker ---- */

inline take(p, leaf)
{
	assert(was_here[of(p, leaf)]);
	taken[p] = leaf
}

inline on_register(p, leaf)
{
	taken[p] == NOBODY && is_good(p, leaf) -> take(p, leaf)
}

/* of who was there before it started again */
inline on_announce(p, leaf)
{
#ifdef MUTANT_ANNOUNCE
	taken[p] == NOBODY -> take(p, leaf)
#else
	on_register(p, leaf)
#endif
}

/* ---- the victim, and handlers ---- */

/* It takes what the relay has signed over its messages, and signs the whole. */
inline connect(p, s)
{
	s < signatures && over[s] == p && with[p] == NOBODY ->
	with[p] = s;
	by_victim[s] = true;
	here[of(p, VICTIM)] = true;
	was_here[of(p, VICTIM)] = true
}

active proctype honest()
{
	byte s;

end_handshake:
	d_step { signatures < SIGNED -> sign(HONEST, HONEST); s = newest }
	d_step { connect(HONEST, s) }
end_late:
	d_step { prove(HONEST, s, VICTIM) }
	d_step { on_register(HONEST, VICTIM) }
end_session:
	do
	:: d_step { on_announce(HONEST, VICTIM) }
	od
}

active proctype liar()
{
	byte s, leaf;

	here[of(LIAR, FRIEND)] = true;
	was_here[of(LIAR, FRIEND)] = true;
end_lies:
	do
	:: d_step { signatures < SIGNED -> sign(LIAR, HONEST) }
	:: d_step { signatures < SIGNED -> sign(LIAR, LIAR) }
	:: d_step { signatures < SIGNED -> sign(LIAR, OTHER) }
	:: atomic { select(s : 0 .. SIGNED - 1); select(leaf : 0 .. 1);
		if
		:: d_step { connect(LIAR, s) }
		:: d_step { s < signatures -> by_friend[s] = true }
		:: d_step { prove(LIAR, s, leaf) }
		:: d_step { on_register(LIAR, leaf) }
		:: d_step { on_announce(LIAR, leaf) }
		:: skip
		fi;
		s = 0; leaf = 0 }
	od
}

/* ---- time, and what starts again ---- */

active proctype clock()
{
	byte s, p;

end_time:
	do
	:: atomic { select(s : 0 .. SIGNED - 1);
		if
		:: d_step { s < signatures && in_time[s] -> in_time[s] = false;
#ifndef MUTANT_TIME
			for_honest[s] = false; for_liar[s] = false
#endif
			}
		:: skip
		fi;
		s = 0 }

	/* the victim stays that long, and then as it likes */
	:: atomic { select(p : 0 .. 1);
		if
		:: d_step { with[p] != NOBODY && !in_time[with[p]] ->
			here[of(p, VICTIM)] = false }
		:: skip
		fi;
		p = 0 }
	od
}

active proctype restarts()
{
	if
	:: d_step { taken[HONEST] = NOBODY; taken[LIAR] = NOBODY }
	:: skip
	fi;
	if
	:: d_step { for_honest[0] = false; for_honest[1] = false;
		for_honest[2] = false; for_liar[0] = false;
		for_liar[1] = false; for_liar[2] = false }
	:: skip
	fi
}
