/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TCP and its connections are made of. Internal to this folder; every file in
 * it may read all fields, and each group of fields is written by the file named above it. One
 * core owns it all.
 */
#ifndef WIREMAP_TCP_STATE_H
#define WIREMAP_TCP_STATE_H

#include <rte_mbuf.h>

#include "check.h"
#include "seq.h"
#include "table.h"
#include "tcp.h"
#include "wheel.h"

struct block;
struct congestion;
struct path;
struct piece;
struct scoreboard;
struct search;
struct runs;
struct source;
struct time_wait;

/* Bounds that no configuration changes; what a configuration changes is in tcp_config. */
enum tcp_limits {
	/* Of a received burst, staged together; a port gives no more at once. */
	TCP_BURST = 64,
	/* Timers that one tcp_advance() fires: some 20 us of work. */
	TCP_FIRES = 256,
	/* A peer that announces less gets this (RFC 1122 4.2.2.6 allows 0): 40 bytes of header
	 * for each byte would be an amplifier. FreeBSD's bound. */
	TCP_MSS_MIN = 216,
	TCP_MSS_DEFAULT = 536, /* RFC 9293 3.7.1, MUST-15 */
	TCP_HEADERS = 40,      /* IPv4 and TCP without options */
	/* IPv4 paths below are not believed (RFC 1191 3: 576 is what everyone takes; 552 seen). */
	TCP_MTU_MIN = 552,
	/* RFC 6928, in segments and bytes. */
	TCP_INITIAL_SEGMENTS = 10,
	TCP_INITIAL_BYTES = 14600,
	TCP_DUPLICATES = 3,	  /* RFC 5681 3.2 */
	TCP_WINDOW_MAX = 1 << 30, /* RFC 7323 2.3 */
	TCP_RECEIVE_SPANS = 16,	  /* of one consume() call; more are offered in the next */
	/* Where a reset answers a segment of no connection: per second and core, so that we are
	 * no mirror (RFC 9293 gives no number; FreeBSD takes 200). */
	TCP_RESETS_PER_S = 1000,
	/* Retransmissions before giving up. R2 of RFC 1122 4.2.3.5 is at least 100 s: with an
	 * RTO of 0.2 s at first, ten of them take 160 s. A SYN: 63 s when active, 31 s passive. */
	TCP_RETRANSMITS = 10,
	TCP_RETRANSMITS_SYN = 5,
	TCP_RETRANSMITS_SYN_RECEIVED = 4,
	/* A window closed for so many probes is taken for an attack: about eight minutes. */
	TCP_PROBES = 15,
	TCP_KEEPALIVES = 9,
	/* Sequences of ephemeral ports: who watches one learns little of the others (RFC 6056
	 * 3.3.4). */
	TCP_PORT_COUNTERS = 256,
};

enum tcp_times_ms {
	TCP_RTO_FIRST_MS = 1000, /* RFC 6298 2.1 */
	/* RFC 6298 2.4 says 1 s; every large stack takes 200 ms, which is still far above
	 * the delayed ACK of any peer on a short path (Linux 40 ms, Windows 40-200 ms). */
	TCP_RTO_MIN_MS = 200,
	TCP_RTO_MAX_MS = 60000, /* RFC 6298 2.5 */
	TCP_DELAYED_ACK_MS = 40,
	TCP_CHALLENGE_MS = 200, /* between challenge ACKs of one connection (RFC 5961 7) */
	TCP_ECHO_MS = 240000, /* what a late copy echoes was sent within: 2 MSL (RFC 9293 3.4.1) */
	TCP_FIN_WAIT_2_MS = 60000,
	TCP_TIME_WAIT_MS = 60000,	 /* 2 MSL with the MSL of 30 s that most stacks take */
	TCP_KEEPALIVE_IDLE_MS = 7200000, /* RFC 1122 4.2.3.6: no less */
	TCP_KEEPALIVE_STEP_MS = 75000,
	TCP_LOG_MS = 60000, /* between lines that say a limit is reached */
	TCP_STARVED_MS = 1, /* between looks for packet memory while nothing arrives */
};

static const uint64_t tcp_ms = 1000000, tcp_s = 1000000000; /* nanoseconds */
/* PAWS does not hold for a connection silent for so long (RFC 7323 5.5). */
static const uint64_t tcp_paws_idle_ns = 24ULL * 86400 * 1000000000;

/* LISTEN is in listen.c's table and TIME_WAIT in timewait.c's, neither needs a connection. */
enum tcp_state {
	CLOSED, /* the struct is free */
	SYN_SENT,
	SYN_RECEIVED,
	ESTABLISHED,
	CLOSE_WAIT,
	FIN_WAIT_1,
	FIN_WAIT_2,
	CLOSING,
	LAST_ACK,
	TCP_STATES,
};

struct tuple {
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port;
};
_Static_assert(sizeof(struct tuple) == 36, "no padding: tuples are hashed and compared whole");

enum connection_flags {
	C_TIMESTAMPS = 1 << 0, /* RFC 7323: both sides said so */
	C_ACTIVE = 1 << 1,     /* opened by tcp_connect() */
	C_OPEN = 1 << 2,       /* `session` is valid, not `app` */
	C_WANTS = 1 << 3,      /* produce() is to be called when there is room */
	C_TOUCHED = 1 << 4,    /* in the touched list or the starved one */
	C_CLOSE = 1 << 6,      /* the session has said STREAM_CLOSE: FIN after the last byte */
	C_ABORT = 1 << 7,      /* to be reset by us */
	C_ACK_NOW = 1 << 8,    /* an ACK leaves before the turn ends */
	C_PEER_FIN = 1 << 9,   /* a FIN was seen; it is at fin_seq, perhaps beyond a gap */
	C_BULK = 1 << 10,      /* the last answer outgrew a small block */
	C_RECOVERY = 1 << 12,  /* RFC 6582 fast recovery */
	C_CWND_FULL = 1 << 13, /* the window was in full use; up to full_seq */
	C_MORE = 1 << 15,      /* the session has more to say: a short segment may wait */
	C_DRAINED = 1 << 16,   /* drain() was called */
	C_SCALING = 1 << 17,   /* RFC 7323: both sides said so */
	C_SACK = 1 << 18,      /* RFC 2018: both sides said so */
	C_ECN = 1 << 19,       /* RFC 3168: both sides said so */
	C_ECE = 1 << 20,       /* the peer is to hear of congestion, until its CWR */
	C_CWR = 1 << 21,       /* the next new data says that the window was reduced */
	C_UNREAD =
		1 << 22, /* bytes came that no session will read: RST, once all is acknowledged */
	C_LOWERED = 1 << 23, /* the MSS was, and nothing beyond path_seq has come through yet */
	C_SEARCH = 1 << 24,  /* mtu.c looks for a larger one */
	C_UNSEEN = 1 << 25,  /* of what is in order some was in no consume() yet */
};

/* Deadlines of a connection; one wheel timer stands for the earliest. */
enum tcp_timer {
	TIMER_RETRANSMIT, /* SYN, data, FIN; or the probe of a closed window */
	TIMER_ACK,
	TIMER_LIFE, /* keepalive, FIN_WAIT_2 */
	TIMER_SESSION,
	TIMER_PACE, /* new data may leave again */
	TIMERS,
};

/* Of the first slow start, before anything was lost (hystart.c, RFC 9406). 0 us: no sample. */
struct slow_start {
	uint32_t round_end;		  /* what is acknowledged beyond is of the next round */
	uint32_t rtt_last_us, rtt_now_us; /* least of the last round, and of this one so far */
	uint32_t rtt_slowed_us; /* of the round in which growth was slowed, 0: it is not */
	uint8_t samples, slowed_rounds;
};

/* Of congestion avoidance (newreno.c, cubic.c). */
struct avoidance {
	uint32_t acked;	     /* bytes that count towards the next segment (RFC 3465) */
	uint32_t reno;	     /* W_est of RFC 9438 4.3, 0: the stage has not begun */
	uint32_t plateau_ms; /* when the curve reaches w_max: t_epoch + K */
	bool running;	     /* plateau_ms holds */
};

/* What the retransmission timer waits for, one thing at a time (RFC 8985 8). */
enum tcp_wait {
	WAIT_RTO,
	WAIT_WINDOW,  /* the persist timer: to ask after a closed one */
	WAIT_REORDER, /* what may be lost, or late */
	WAIT_PROBE,   /* the loss probe */
};

enum loss_flags {
	LOSS_TIMEOUT = 1 << 0,	   /* until c->recover: recovery after a timeout */
	LOSS_FRTO = 1 << 1,	   /* RFC 5682 3.1 step 2 */
	LOSS_FRTO_NEW = 1 << 2,	   /* step 3: new data before lost */
	LOSS_PROBE = 1 << 3,	   /* RFC 8985 7: probe_end is TLP.end_seq, else None */
	LOSS_PROBE_AGAIN = 1 << 4, /* TLP.is_retrans */
	LOSS_PROBED = 1 << 5,	   /* no probe until something is acknowledged */
	LOSS_SAMPLED = 1 << 6,	   /* a round trip was measured since the last probe */
	LOSS_REORDERING = 1 << 7,  /* RFC 8985: RACK.reordering_seen */
};

enum { RECORDS_INLINE = 2 /* of a connection that asks and answers */ };

/* A segment in flight (scoreboard.h). */
struct record {
	uint32_t seq;
	uint32_t sent_us; /* last */
	uint16_t bytes;	  /* of sequence space, a FIN counted */
	uint8_t flags;	  /* enum record_flags */
	uint8_t reserved;
	uint16_t older, newer; /* in the network: its neighbours by time */
};
_Static_assert(sizeof(struct record) == 16, "four in a cache line");

struct connection {
	/* connection.c */
	struct tuple tuple;
	uint32_t hash;
	uint32_t index, generation;
	uint32_t flags; /* of enum connection_flags, any file */
	uint8_t state;	/* enum tcp_state */
	uint8_t snd_shift, rcv_shift;
	uint8_t retransmits; /* in a row, of SYN, data, FIN, probe or keepalive */
	uint16_t mss;	     /* payload of a full segment, options taken off */
	uint16_t rcv_mss;    /* the largest payload seen: what the peer sends as full */

	/* input.c, receive.c */
	uint32_t rcv_nxt;
	uint32_t rcv_user;  /* the first byte the session has not taken */
	uint32_t rcv_adv;   /* right edge of the window that was offered; never falls */
	uint32_t rcv_acked; /* the last acknowledgement that was sent */
	uint32_t fin_seq;   /* of the peer's FIN, with C_PEER_FIN */
	uint32_t ts_recent, ts_offset;

	/* output.c, input.c */
	uint32_t snd_una, snd_nxt;
	uint32_t snd_end; /* after the last byte produced; our FIN stands there */
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint32_t snd_wnd_max;
	uint32_t snd_past; /* bytes acknowledged, until they are snd_wnd_max: enough to know */

	/* congestion.c and its algorithms */
	uint32_t cwnd, ssthresh;
	uint32_t full_seq;    /* snd_nxt when the window was full last, with C_CWND_FULL */
	uint32_t reduced_seq; /* snd_nxt when it was reduced last */
	uint32_t w_max;	      /* RFC 9438 4.1.2 */
	union {
		struct slow_start start; /* while ssthresh is TCP_CWND_MAX */
		struct avoidance avoid;
	};

	/* pacing.c */
	uint64_t departs_ns; /* no new data before, 0: not paced */

	/* scoreboard.c */
	struct scoreboard *scoreboard;
	struct record records[RECORDS_INLINE]; /* without a scoreboard */
	uint32_t pipe;			       /* bytes in the network (RFC 6675) */
	uint16_t record_first, records_n;
	uint16_t record_oldest, record_newest; /* in the network, by time of sending */
	uint16_t sacked_n, lost_n;

	/* recovery.c */
	uint32_t recover;    /* RFC 6582, RFC 6675: RecoveryPoint */
	uint32_t probe_end;  /* with LOSS_PROBE */
	uint16_t duplicates; /* without SACK: segments that have left the network */
	uint16_t loss;	     /* enum loss_flags */

	/* rtt.c */
	uint32_t srtt_us, rttvar_us, rto_us;
	uint32_t rtt_seq;		 /* the next sample is of an acknowledgement beyond */
	uint32_t min_rtt_us, min_rtt_ms; /* the least of late, and when that was; 0: none */
	uint32_t restart_us;		 /* from when on the RTO runs (RFC 6298 5) */

	/* output.c */
	uint64_t sent_ns; /* of the last data segment, for the restart after idleness */

	/* application.c */
	union {
		struct stream_app *app;
		struct stream_session *session;
	};
	tcp_open_failed *failed;
	struct connection *list_next; /* touched, starved or free */

	/* send.c */
	struct block *blocks, *blocks_tail;
	struct block *block_at; /* near snd_nxt, or NULL: a hint */

	/* receive.c */
	struct piece *pieces, *pieces_tail; /* in order of sequence; taken bytes are gone */
	struct runs *runs;		    /* while there is a gap, else NULL */
	uint16_t pieces_n;		    /* and the index */

	/* window.c */
	uint8_t quick;			     /* segments to acknowledge without delay */
	uint8_t waits;			     /* timers.c: enum tcp_wait */
	uint32_t rcv_window;		     /* what is offered at most, as far as it has grown */
	uint32_t measure_seq, measure_ticks; /* rcv_user at the beginning of this round trip */
	uint16_t rcv_rtt_ms;		     /* as a receiver sees it, 0: not known */

	/* rack.c */
	uint8_t reorder_multiple; /* of a quarter of min_rtt_us, less one */
	uint8_t reorder_persist;  /* recoveries that keep it */

	/* mtu.c; payload, options taken off */
	uint16_t mss_acked;   /* the largest that came through */
	uint16_t mss_claimed; /* what a router says and nobody believes yet; 0: none */
	uint32_t path_seq;    /* of the segment it is about; with C_LOWERED, snd_nxt then */

	/* timers.c, output.c */
	uint32_t challenge_ms; /* when the last challenge ACK was sent */
	struct wheel_timer timer;
	uint64_t deadline_ns[TIMERS]; /* 0: not armed */
	uint64_t heard_ns;	      /* when a valid segment came last */
} __rte_cache_aligned;
_Static_assert(sizeof(struct connection) <= 448,
	       "a million of them: with its slot of the table 464");

struct connection_list {
	struct connection *first, *last;
};

struct listener {
	uint8_t addr[16];
	uint16_t port;
	struct stream_app *app;
};

struct tcp {
	struct stream_transport transport; /* first: what applications hold is this */
	struct tcp_config config;
	struct tcp_env *env;
	uint64_t now_ns;
	uint32_t now_us; /* when segments are sent */
	uint32_t now_ms; /* the clock of timestamps (RFC 7323 5.4) */
	struct tcp_stats stats;

	struct connection *connections;
	uint32_t connections_n;	    /* of the array: connections and half-open ones */
	uint32_t connections_fresh; /* never used from here on */
	uint32_t established, syn_received;
	struct connection_list free;
	struct table table;

	struct listener *listeners;
	uint32_t listeners_n;
	struct table listeners_table;
	uint32_t ports_next[TCP_PORT_COUNTERS]; /* ports.c */
	uint64_t cookies_until_ns;		/* the last cookie sent is good until then */
	uint64_t full_logged_ns; /* when the log was last told that a limit is reached */
	struct source *sources;	 /* source.c; NULL: no limits */
	uint64_t resets_ns;	 /* token bucket of resets to nobody, as a time */

	struct time_wait *waiting;
	uint32_t waiting_n, waiting_free;
	uint32_t waiting_oldest, waiting_newest;
	struct table waiting_table;

	const struct congestion *congestion;
	struct wheel *wheel;
	struct connection_list touched;
	struct connection_list starved; /* want packet memory, or room on the wire */

	bool draining;
	uint32_t drain_next, drain_per_turn;
	uint64_t drain_ns,
		drain_step_ns; /* when the next session is told, and from one to the next */

	/* send.c, output.c, receive.c */
	struct rte_mempool *blocks_large, *blocks_small;
	struct rte_mempool *headers, *slices;
	struct rte_mempool *pieces;
	struct rte_mempool *scoreboards, *chunks;
	struct path *paths;
	struct search *searches;
	uint32_t pieces_n, pieces_held;
	struct block *spare; /* what produce() is promised */
	uint32_t blocks_large_n, blocks_large_held;
	uint32_t inline_bytes; /* payload that is copied behind its header */
	uint8_t rcv_shift;
};

/* Takes the time as the loop last read it. */
static inline void tcp_clock_take(struct tcp *tcp)
{
	tcp->now_ns = tcp->env->clock->mono_ns;
	tcp->now_us = (uint32_t)(tcp->now_ns / 1000);
	tcp->now_ms = (uint32_t)(tcp->now_ns / tcp_ms);
}

/* Has the true time read, for quanta inside a turn. */
static inline void tcp_clock_refresh(struct tcp *tcp)
{
	clock_now_ns(tcp->env->clock);
	tcp_clock_take(tcp);
}

/* An IPv4 address, in network order, as the rest of the program writes it (RFC 4291 2.5.5.2). */
static inline void tcp_address_map(uint8_t mapped_r[16], uint32_t ip)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(mapped_r, prefix, sizeof(prefix));
	memcpy(mapped_r + sizeof(prefix), &ip, sizeof(ip));
}

static inline bool tcp_address_is_mapped(const uint8_t addr[16])
{
	uint64_t zero;
	uint32_t ones;

	memcpy(&zero, addr, sizeof(zero));
	memcpy(&ones, addr + sizeof(zero), sizeof(ones));
	return zero == 0 && ones == RTE_BE32(0xffff);
}

static inline bool tcp_tuple_equal(const struct tuple *a, const struct tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Whether an answer to what is not believed may leave now: one in a while (RFC 5961 7). */
static inline bool tcp_challenge_take(struct tcp *tcp, struct connection *c)
{
	if (tcp->now_ms - c->challenge_ms < TCP_CHALLENGE_MS) {
		tcp->stats.challenges_limited++;
		return false;
	}
	c->challenge_ms = tcp->now_ms;
	return true;
}

/* Whether new data of this connection would find a full transmit queue. */
static inline bool tcp_wire_full(const struct tcp *tcp, const struct connection *c)
{
	struct tcp_wire *wire = tcp->env->wire;

	return wire->full > 0 && wire->is_full(wire, c->tuple.local);
}

/* Sent and not yet acknowledged, SYN and FIN counted. */
static inline uint32_t tcp_flight(const struct connection *c)
{
	return c->snd_nxt - c->snd_una;
}

/* Bytes in the network, as far as is known (RFC 6675 4). */
static inline uint32_t tcp_pipe(const struct connection *c)
{
	uint32_t left = (uint32_t)c->duplicates * c->mss;

	return c->pipe > left ? c->pipe - left : 0;
}

/* Produced and not yet sent. */
static inline uint32_t tcp_unsent(const struct connection *c)
{
	return seq_lt(c->snd_nxt, c->snd_end) ? c->snd_end - c->snd_nxt : 0;
}

/* In order and not yet taken by the session. */
static inline uint32_t tcp_untaken(const struct connection *c)
{
	bool fin = (c->flags & C_PEER_FIN) && seq_gt(c->rcv_nxt, c->fin_seq);

	return c->rcv_nxt - c->rcv_user - fin;
}

#endif
