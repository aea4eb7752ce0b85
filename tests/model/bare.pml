/*
 * How a session leaves the relay's TLS, for spin: the two directions of both
 * legs, with the handlers' states of handlers/connection/bare.c and the packets
 * of handlers/channel/hop.h. What has a name there has it here.
 *
 * Client d sends bytes by TLS, may end that with its close_notify, sends bare
 * bytes behind it, and ends with FIN; the direction of client d ends at client
 * other(d). Either handler may die between any two of its steps, with what it
 * has of the sockets; a socket is reset when its last holder closes it, unless
 * the session has ended in order.
 *
 * No byte has another's place, and none is missing before an end: client says
 * so in assertions. Every run ends (no process is left waiting), and in a reset
 * only where somebody died.
 */

#define other(n) (1 - n)

#define TLS_MOST  1 /* bytes of each direction, by TLS, and */
#define BARE_MOST 1 /* without */

/* on a leg: a byte by TLS, its close_notify, a byte without, the end */
mtype:wire = { TLS, CLOSE, BARE, FIN };
mtype:packet = { HOP_BARE, HOP_SOCKET, HOP_END };
mtype:inward = { IN_TLS, IN_ASKED, IN_BARE, IN_ENDED };
mtype:outward = { OUT_TLS, OUT_GIVEN, OUT_ENDED };

/* The legs: from client d to the relay, and from the relay to client d. */
chan leg_in[2] = [2] of { mtype:wire };
chan leg_out[2] = [2] of { mtype:wire };
/* From handler d to the other: bytes, and packets. */
chan ring[2] = [2] of { mtype:wire };
chan hop[2] = [3] of { mtype:packet };

byte sent[2], came[2]; /* bytes, of direction d */
bit finished[2];       /* client d has sent FIN */

byte holders[2] = 1; /* handlers that have client d's socket, or will */
bit in_order[2];     /* its linger is off: closing is no reset */
bit reset[2];        /* client d sees one */
bit left[2];         /* handler d has ended */
bit somebody_died;

/* One holder of socket s closes it. */
inline let_go(s)
{
	holders[s]--;
	if
	:: holders[s] == 0 && !in_order[s] -> reset[s] = 1
	:: else
	fi
}

/* ---- a client ---- */

proctype client(byte d)
{
	bit tls = 1, ended, heard_close, heard_end;
	byte bytes;
	mtype:wire w;

	do
	/* what it sends */
	:: !reset[d] && !ended && tls && bytes < TLS_MOST && nfull(leg_in[d]) ->
		atomic { leg_in[d]!TLS; bytes++; sent[d]++ }
	:: !reset[d] && !ended && tls && nfull(leg_in[d]) ->
		atomic { leg_in[d]!CLOSE; tls = 0; bytes = 0 }
	:: !reset[d] && !ended && !tls && bytes < BARE_MOST &&
	   nfull(leg_in[d]) ->
		atomic { leg_in[d]!BARE; bytes++; sent[d]++ }
	:: !reset[d] && !ended && !tls && nfull(leg_in[d]) ->
		atomic { leg_in[d]!FIN; ended = 1; finished[d] = 1 }
	/* what it gets */
	:: !heard_end && nempty(leg_out[d]) -> atomic { leg_out[d]?w;
		if
		:: w == TLS ->
			assert(!heard_close);
			came[other(d)]++
		:: w == CLOSE ->
			assert(!heard_close);
			heard_close = 1
		:: w == BARE ->
			assert(heard_close);
			came[other(d)]++
		:: w == FIN ->
			/* the other client's own, and all that was before it */
			assert(heard_close && finished[other(d)]);
			assert(came[other(d)] == sent[other(d)]);
			heard_end = 1
		fi }
	:: reset[d] -> break
	:: ended && heard_end && left[0] && left[1] -> break
	od;
	assert(!reset[d] || somebody_died);
	assert(reset[d] || (ended && heard_end))
}

/* ---- a handler ---- */

proctype handler(byte d)
{
	mtype:inward in = IN_TLS;
	mtype:outward out = OUT_TLS;
	bit asked_by_other, has_socket, end_came;
	mtype:wire held; /* by the pump, out of the socket */
	bit holds;
	mtype:wire w;
	mtype:packet p;

	do
	/* what our client sends */
	:: in == IN_TLS && nfull(ring[d]) && nempty(leg_in[d]) ->
		atomic { leg_in[d]?w;
		if
		:: w == TLS -> ring[d]!TLS
		:: w == CLOSE ->
#ifdef MUTANT_READ_AHEAD /* TLS takes what lies behind its end */
			if
			:: leg_in[d]?[BARE] -> leg_in[d]?BARE
			:: else
			fi;
#endif
			hop[d]!HOP_BARE;
			in = IN_ASKED
		fi }
#ifdef MUTANT_NO_SOCKET /* who does not wait for it */
	:: in == IN_ASKED -> in = IN_BARE
#else
	:: in == IN_ASKED && has_socket -> in = IN_BARE
#endif
	:: in == IN_BARE && !holds && nempty(leg_in[d]) ->
		atomic { leg_in[d]?held; holds = 1 }
	:: in == IN_BARE && holds && held == BARE &&
	   nfull(leg_out[other(d)]) ->
		atomic { leg_out[other(d)]!BARE; holds = 0 }
	:: in == IN_BARE && holds && held == FIN &&
	   nfull(leg_out[other(d)]) ->
		atomic { leg_out[other(d)]!FIN; hop[d]!HOP_END; holds = 0;
			in = IN_ENDED }
	/* what it gets */
	:: out == OUT_TLS && nempty(ring[other(d)]) && nfull(leg_out[d]) ->
		atomic { ring[other(d)]?w; leg_out[d]!w }
#ifdef MUTANT_OVERTAKES /* the ring is not waited for */
	:: out == OUT_TLS && asked_by_other && nfull(leg_out[d]) ->
#else
	:: out == OUT_TLS && asked_by_other && empty(ring[other(d)]) &&
	   nfull(leg_out[d]) ->
#endif
		atomic { leg_out[d]!CLOSE;
			if
			:: left[other(d)] /* nobody gets it */
			:: else -> holders[d]++; hop[d]!HOP_SOCKET
			fi;
			out = OUT_GIVEN }
	:: out == OUT_GIVEN && end_came -> out = OUT_ENDED
	/* the other handler */
	:: hop[other(d)]?p ->
		if
		:: p == HOP_BARE -> asked_by_other = 1
		:: p == HOP_SOCKET -> assert(in == IN_ASKED ||
			in == IN_BARE); has_socket = 1
		:: p == HOP_END -> assert(out == OUT_GIVEN); end_came = 1
		fi
	/* ends */
	:: in == IN_ENDED && out == OUT_ENDED ->
		atomic { in_order[0] = 1; in_order[1] = 1; break }
	:: left[other(d)] && empty(hop[other(d)]) &&
	   !(in == IN_ENDED && (out == OUT_ENDED || end_came)) -> break
	:: reset[d] && !in_order[d] -> break
	:: atomic { !somebody_died -> somebody_died = 1;
#ifdef MUTANT_CLEAN_DEATH /* closing is no reset */
		in_order[d] = 1;
		if
		:: nfull(leg_out[d]) -> leg_out[d]!FIN
		:: full(leg_out[d])
		fi;
#endif
		break }
	od;
	/* with it goes what is still on its way to it */
	atomic {
		left[d] = 1;
		if
		:: has_socket || hop[other(d)]??[HOP_SOCKET] ->
			let_go(other(d))
		:: else
		fi;
		do
		:: nempty(hop[other(d)]) -> hop[other(d)]?p
		:: empty(hop[other(d)]) -> break
		od;
		let_go(d)
	}
}

init {
	atomic {
		run client(0);
		run client(1);
		run handler(0);
		run handler(1)
	}
}
