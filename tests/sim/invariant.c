/* SPDX-License-Identifier: Apache-2.0 */
#include "invariant.h"

#include <rte_mempool.h>
#include <stdlib.h>

#include "check.h"
#include "connection.h"
#include "hog.h"
#include "output.h"
#include "scoreboard.h"
#include "segment.h"
#include "send.h"

enum {
	CWND_MAX = 1 << 30, /* RFC 7323 2.3 */
	/* Of 10: RFC 5681 (4), RFC 9438 4.6. */
	NEWRENO_TENTHS = 5,
	CUBIC_TENTHS = 7,
	/* Beyond cwnd: limited transmit (RFC 3042). */
	ALLOWANCE_SEGMENTS = 3,
};

/* A connection as it was after the last call. */
struct invariant_shadow {
	bool live;
	uint32_t generation;
	uint32_t snd_una, snd_nxt, rcv_user, rcv_nxt, rcv_adv;
	uint32_t offered; /* the right edge that the wire has seen */
	uint32_t cwnd, reduced_seq, undo_cwnd, flight, sacked, mss, flags, retransmits;
	uint8_t waits;
};

/* How long a connection has waited for its peer, in whatever state. */
struct invariant_patience {
	bool live;
	enum tcp_state state;
	uint32_t generation, snd_una;
	uint64_t since_ns; /* nothing new was acknowledged of what a timer watches */
	uint64_t heard_ns; /* nothing was heard */
};

static void fail(struct invariant *invariant, const struct connection *c, const char *what)
{
	journal_fail(
		invariant->journal,
		"%s: port %u: %s (state %u flags %x una %u nxt %u pipe %u end %u wnd %u cwnd %u "
		"user %u rcv %u adv %u)",
		invariant->name, c->tuple.peer_port, what, c->state, c->flags, c->snd_una,
		c->snd_nxt, tcp_pipe(c), c->snd_end, c->snd_wnd, c->cwnd, c->rcv_user, c->rcv_nxt,
		c->rcv_adv);
}

#define HOLDS(condition, what)                                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail(invariant, c, what);                                                  \
	} while (0)

/* A free struct holds nothing. */
static void check_closed(struct invariant *invariant, const struct connection *c)
{
	HOLDS(c->blocks == NULL && c->pieces == NULL && c->runs == NULL && c->pieces_n == 0,
	      "closed with memory");
	HOLDS(c->scoreboard == NULL && c->records_n == 0, "closed with records");
	HOLDS(!wheel_armed(&c->timer), "closed with a timer");
	for (unsigned i = 0; i < TIMERS; i++)
		HOLDS(c->deadline_ns[i] == 0, "closed with a deadline");
}

static void check_sending(struct invariant *invariant, const struct tcp *tcp,
			  const struct connection *c)
{
	uint32_t end = c->snd_end + !!(c->flags & C_CLOSE);

	HOLDS(seq_le(c->snd_una, c->snd_nxt), "snd_una beyond snd_nxt");
	HOLDS(seq_le(c->snd_nxt, end), "sent beyond what was produced");
	HOLDS(tcp_scoreboard_check(c), "the scoreboard is wrong");
	HOLDS(c->state < ESTABLISHED || c->records_n > 0 || tcp_flight(c) == 0,
	      "in flight and not on the scoreboard");
	HOLDS(c->scoreboard == NULL || c->records_n > 0, "a scoreboard with nothing in flight");
	HOLDS(seq_gt(c->snd_una, c->snd_end) ||
		      c->snd_end - c->snd_una <= tcp->config.send_bytes_max,
	      "more is kept than send_bytes_max");
	HOLDS(c->snd_shift <= OPTIONS_SHIFT_MAX && c->rcv_shift <= OPTIONS_SHIFT_MAX,
	      "a shift above 14");
}

static void check_receiving(struct invariant *invariant, const struct tcp *tcp,
			    const struct connection *c)
{
	bool fin = (c->flags & C_PEER_FIN) && seq_gt(c->rcv_nxt, c->fin_seq);

	HOLDS(seq_le(c->rcv_user, c->rcv_nxt), "rcv_user beyond rcv_nxt");
	HOLDS(seq_le(c->rcv_nxt - fin, c->rcv_adv), "received beyond the window");
	HOLDS(seq_le(c->rcv_acked, c->rcv_nxt), "acknowledged what was not received");
	HOLDS(seq_le(c->rcv_adv, c->rcv_nxt + tcp->config.receive_bytes_max),
	      "a window above receive_bytes_max");
	HOLDS((c->pieces == NULL) == (c->pieces_n == 0), "pieces and their number differ");
	HOLDS((c->pieces == NULL) == (c->pieces_tail == NULL), "pieces and their tail differ");
	HOLDS(!(c->flags & C_PEER_FIN) || seq_le(c->rcv_nxt, c->fin_seq + 1),
	      "received beyond the FIN");
}

static void check_congestion(struct invariant *invariant, const struct connection *c)
{
	HOLDS(c->mss > 0 && c->cwnd >= c->mss, "cwnd below one MSS");
	HOLDS(c->cwnd <= CWND_MAX, "cwnd above 2^30");
	HOLDS(c->ssthresh >= c->mss, "ssthresh below one MSS");
	HOLDS(c->rto_us == 0 || c->rto_us >= TCP_RTO_MIN_MS * 1000U, "RTO below its least");
	HOLDS(c->rto_us <= TCP_RTO_MAX_MS * 1000U, "RTO above its most");
	HOLDS(!(c->flags & C_RECOVERY) || tcp_flight(c) > 0, "recovery with nothing in flight");
}

/* The wheel's timer stands no later than the first deadline (timers.h). */
static void check_timers(struct invariant *invariant, const struct connection *c)
{
	for (unsigned i = 0; i < TIMERS; i++)
		HOLDS(c->deadline_ns[i] == 0 ||
			      (wheel_armed(&c->timer) && c->timer.deadline_ns <= c->deadline_ns[i]),
		      "a deadline that nobody watches");
}

/* How windows and sequences may move in one call. */
static void check_motion(struct invariant *invariant, const struct connection *c,
			 const struct invariant_shadow *was)
{
	HOLDS(seq_ge(c->snd_una, was->snd_una), "snd_una went back");
	HOLDS(seq_ge(c->snd_nxt, was->snd_nxt), "snd_nxt went back");
	HOLDS(seq_ge(c->rcv_user, was->rcv_user), "rcv_user went back");
	HOLDS(seq_ge(c->rcv_nxt, was->rcv_nxt), "rcv_nxt went back");
	HOLDS(seq_ge(c->rcv_adv, was->rcv_adv), "the offered window shrank");
	HOLDS(seq_le(c->snd_una, was->snd_nxt) || invariant->received == 0,
	      "acknowledged what was never sent");
}

static uint32_t undo_cwnd(const struct connection *c)
{
	return c->scoreboard != NULL ? c->scoreboard->undo.cwnd : 0;
}

static uint32_t sacked_bytes(const struct connection *c)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < c->records_n; i++) {
		const struct record *record = tcp_record((struct connection *)(uintptr_t)c,
							 (c->record_first + i) & RECORD_MASK);

		bytes += record->flags & RECORD_SACKED ? record->bytes : 0;
	}
	return bytes;
}

/*
 * RFC 5681, RFC 3465: a window grows by no more than what was acknowledged, and in recovery by a
 * segment for each duplicate. A reduction that is taken back returns to what was. At a loss it
 * falls to the algorithm's share of what was in flight.
 */
static void check_growth(struct invariant *invariant, const struct tcp *tcp,
			 const struct connection *c, const struct invariant_shadow *was)
{
	/* Cumulatively or by SACK; a reneging may take some of it back. */
	uint32_t delivered = c->snd_una - was->snd_una + sacked_bytes(c) - was->sacked;
	uint64_t most, before, share;
	uint32_t mss = was->mss > c->mss ? was->mss : c->mss;
	/* RFC 6937 3: the window of a recovery is what is in the network, and so much. */
	uint64_t sndcnt = 2ULL * mss * (invariant->received + 1);
	unsigned tenths = tcp->config.congestion == TCP_NEWRENO ? NEWRENO_TENTHS : CUBIC_TENTHS;

	if ((int32_t)delivered < 0)
		delivered = 0;
	most = (uint64_t)was->cwnd + delivered + (uint64_t)invariant->received * was->mss;
	before = (uint64_t)(was->cwnd > was->flight ? was->cwnd : was->flight) + delivered;
	if ((was->flags | c->flags) & C_RECOVERY)
		most += c->ssthresh + TCP_DUPLICATES * c->mss;
	if ((c->flags & C_RECOVERY) && most < tcp_pipe(c) + sndcnt)
		most = tcp_pipe(c) + sndcnt;
	/* Taken back, and perhaps reduced again at once for a loss that is true. */
	if (was->undo_cwnd > 0 && (undo_cwnd(c) == 0 || (c->flags & ~was->flags & C_RECOVERY)))
		most += was->undo_cwnd;
	/* A window below a larger MSS is lifted to it, and grows with the same acknowledgement. */
	if (c->mss > was->mss && most < 2ULL * c->mss)
		most = 2ULL * c->mss;
	/* Taken back, grown and reduced anew in one call. */
	if ((uint64_t)was->undo_cwnd + delivered > before)
		before = (uint64_t)was->undo_cwnd + delivered;
	HOLDS(c->cwnd <= most, "cwnd grew by more than it may");
	share = before * tenths / 10;
	share = (share > 2ULL * mss ? share : 2ULL * mss) + mss;
	if ((c->flags & C_RECOVERY) && !(was->flags & C_RECOVERY))
		HOLDS(c->ssthresh <= share || seq_lt(c->snd_una, was->reduced_seq),
		      "a loss left ssthresh too high");
	if (invariant->received == 0 && c->retransmits > was->retransmits &&
	    c->waits != WAIT_WINDOW && was->waits != WAIT_WINDOW && was->flight > 0)
		HOLDS(c->cwnd <= mss, "a timeout left cwnd above one MSS");
}

static void shadow_take(struct invariant_shadow *shadow, const struct connection *c)
{
	bool known = shadow->live && shadow->generation == c->generation;

	if (!known)
		*shadow = (struct invariant_shadow){.live = true, .generation = c->generation};
	shadow->snd_una = c->snd_una;
	shadow->snd_nxt = c->snd_nxt;
	shadow->rcv_user = c->rcv_user;
	shadow->rcv_nxt = c->rcv_nxt;
	shadow->rcv_adv = c->rcv_adv;
	shadow->cwnd = c->cwnd;
	shadow->flight = tcp_flight(c);
	shadow->sacked = sacked_bytes(c);
	shadow->mss = c->mss;
	shadow->flags = c->flags;
	shadow->retransmits = c->retransmits;
	shadow->reduced_seq = c->reduced_seq;
	shadow->undo_cwnd = undo_cwnd(c);
	shadow->waits = c->waits;
}

/*
 * When a connection may be given up, at the earliest: an excuse for one that ended by timeout is
 * that the path was bad, which it is in most runs, and it would cover one that ended too soon.
 */
static uint64_t patience_least_ns(enum tcp_state state)
{
	uint64_t ms = 0, rto_ms = TCP_RTO_MIN_MS;

	switch (state) {
	case SYN_SENT:
		return ((1ULL << (TCP_RETRANSMITS_SYN + 1)) - 1) * TCP_RTO_FIRST_MS * tcp_ms;
	case SYN_RECEIVED:
		return ((1ULL << (TCP_RETRANSMITS_SYN_RECEIVED + 1)) - 1) * TCP_RTO_FIRST_MS *
		       tcp_ms;
	case FIN_WAIT_2:
		return TCP_FIN_WAIT_2_MS * tcp_ms;
	default:
		for (unsigned n = 0; n <= TCP_RETRANSMITS; n++, rto_ms *= 2)
			ms += rto_ms < TCP_RTO_MAX_MS ? rto_ms : TCP_RTO_MAX_MS;
		return ms * tcp_ms;
	}
}

static void patience_take(struct invariant_patience *patience, const struct tcp *tcp,
			  const struct connection *c)
{
	bool watched = c->deadline_ns[TIMER_RETRANSMIT] != 0 || c->state == FIN_WAIT_2;

	if (!patience->live || patience->generation != c->generation ||
	    patience->snd_una != c->snd_una || !watched)
		patience->since_ns = tcp->now_ns;
	patience->live = true;
	patience->generation = c->generation;
	patience->state = c->state;
	patience->snd_una = c->snd_una;
	patience->heard_ns = c->heard_ns;
}

/* Whether one that is gone had waited long enough for that to be a timeout. */
static bool patience_is_over(const struct invariant_patience *patience, const struct tcp *tcp)
{
	return tcp->now_ns - patience->since_ns >= patience_least_ns(patience->state) ||
	       tcp->now_ns - patience->heard_ns >= TCP_KEEPALIVE_IDLE_MS * tcp_ms;
}

/* All that were given up in this call had waited long enough. */
static void check_patience(struct invariant *invariant, const struct tcp *tcp)
{
	uint64_t given_up = tcp->stats.timeouts - invariant->timeouts, patient = 0;

	for (uint32_t i = 0; i < tcp->connections_fresh; i++) {
		const struct connection *c = &tcp->connections[i];
		struct invariant_patience *patience = &invariant->patience[i];

		if (patience->live &&
		    (c->state == CLOSED || c->generation != patience->generation)) {
			patient += patience_is_over(patience, tcp);
			patience->live = false;
		}
		if (c->state != CLOSED)
			patience_take(patience, tcp, c);
	}
	if (given_up > patient)
		journal_fail(invariant->journal, "%s: a peer was given up too soon",
			     invariant->name);
	invariant->timeouts = tcp->stats.timeouts;
}

static void check_one(struct invariant *invariant, const struct tcp *tcp,
		      const struct connection *c, struct invariant_shadow *shadow)
{
	check_sending(invariant, tcp, c);
	check_timers(invariant, c);
	if (c->state == SYN_SENT)
		return;
	check_receiving(invariant, tcp, c);
	if (c->state == SYN_RECEIVED)
		return;
	check_congestion(invariant, c);
	if (shadow->live && shadow->generation == c->generation) {
		check_motion(invariant, c, shadow);
		check_growth(invariant, tcp, c, shadow);
	}
	shadow_take(shadow, c);
}

void invariant_check(struct invariant *invariant, struct tcp *tcp)
{
	uint32_t half_open = 0, others = 0;

	invariant->checks++;
	for (uint32_t i = 0; i < tcp->connections_fresh; i++) {
		const struct connection *c = &tcp->connections[i];

		if (c->state == CLOSED) {
			check_closed(invariant, c);
			continue;
		}
		*(c->state == SYN_RECEIVED ? &half_open : &others) += 1;
		check_one(invariant, tcp, c, &invariant->shadows[i]);
	}
	check_patience(invariant, tcp);
	if (half_open != tcp->syn_received || others != tcp->established)
		journal_fail(invariant->journal, "%s: connections and their number differ",
			     invariant->name);
	if (half_open > tcp->config.syn_received_max || others > tcp->config.connections_max)
		journal_fail(invariant->journal, "%s: more connections than allowed",
			     invariant->name);
	if (tcp->blocks_large_held > tcp->blocks_large_n)
		journal_fail(invariant->journal, "%s: more blocks than there are", invariant->name);
	invariant->received = 0;
}

void invariant_receives(struct invariant *invariant, unsigned n)
{
	invariant->received = n;
}

/* New data leaves within both windows as they are at this moment. */
static void check_new_data(struct invariant *invariant, const struct connection *c, uint32_t end)
{
	uint64_t allowed = (uint64_t)c->cwnd + ALLOWANCE_SEGMENTS * c->mss;
	/* RFC 8985 7.3: it may leave beyond a window that was reduced meanwhile. */
	bool probe = c->waits == WAIT_PROBE && (c->loss & LOSS_PROBED);

	HOLDS(seq_le(end, c->snd_una + c->snd_wnd), "sent beyond the peer's window");
	if (!(c->flags & C_RECOVERY) && !probe)
		HOLDS(tcp_pipe(c) + (end - c->snd_nxt) <= allowed,
		      "sent beyond the congestion window");
}

/* RFC 9293 3.8.6.2.2, SHLD-14: what was offered is never taken back. */
static void check_offer(struct invariant *invariant, const struct tcp *tcp,
			const struct connection *c, const struct rte_tcp_hdr *header)
{
	struct invariant_shadow *shadow = &invariant->shadows[c->index];
	uint32_t window = (uint32_t)rte_be_to_cpu_16(header->rx_win) << c->rcv_shift;
	uint32_t offered = rte_be_to_cpu_32(header->recv_ack) + window;
	bool fin = (c->flags & C_PEER_FIN) && seq_gt(c->rcv_nxt, c->fin_seq);

	HOLDS(rte_be_to_cpu_32(header->recv_ack) == c->rcv_nxt, "acknowledges something else");
	HOLDS(seq_le(offered, c->rcv_adv) || fin, "offers more than its window");
	HOLDS(window <= tcp->config.receive_bytes_max, "offers more than receive_bytes_max");
	if (!shadow->live || shadow->generation != c->generation)
		return;
	HOLDS(shadow->offered == 0 || seq_ge(offered + (1U << c->rcv_shift), shadow->offered),
	      "takes back what it has offered");
	shadow->offered = offered;
}

void invariant_sent(struct invariant *invariant, const uint8_t src[16], const uint8_t dst[16],
		    const struct rte_tcp_hdr *header, uint32_t len)
{
	struct tuple tuple = {.local_port = rte_be_to_cpu_16(header->src_port),
			      .peer_port = rte_be_to_cpu_16(header->dst_port)};
	uint32_t seq = rte_be_to_cpu_32(header->sent_seq), end = seq + len;
	struct tcp *tcp = invariant->tcp;
	const struct connection *c;

	memcpy(tuple.local, src, sizeof(tuple.local));
	memcpy(tuple.peer, dst, sizeof(tuple.peer));
	c = tcp_connection_find(tcp, &tuple, tcp_tuple_hash(tcp, &tuple));
	if (c == NULL || c->state < ESTABLISHED ||
	    (header->tcp_flags & (SEGMENT_SYN | SEGMENT_RST)))
		return;
	check_offer(invariant, tcp, c, header);
	HOLDS(len <= c->mss || tcp->env->wire->tso_bytes_max > 0, "a segment above the MSS");
	if (len == 0)
		return;
	HOLDS(seq_ge(seq, c->snd_una), "sent what is acknowledged");
	HOLDS(seq_le(end, c->snd_end), "sent what was not produced");
	if (seq_gt(end, c->snd_nxt))
		check_new_data(invariant, c, end);
}

/* What waits for something has a timer for it: nothing hangs when nobody answers. */
static void turn_check(struct invariant *invariant, const struct tcp *tcp,
		       const struct connection *c)
{
	bool armed = false, fin = (c->flags & C_CLOSE) && seq_le(c->snd_nxt, c->snd_end);

	(void)tcp;
	/* Starved ones are looked at again soon. */
	if (c->flags & C_TOUCHED)
		return;
	if (tcp_flight(c) > 0 || tcp_unsent(c) > 0 || fin)
		HOLDS(c->deadline_ns[TIMER_RETRANSMIT] != 0, "unacknowledged, and no timer");
	if (c->state >= ESTABLISHED && c->rcv_nxt != c->rcv_acked)
		HOLDS(c->deadline_ns[TIMER_ACK] != 0, "an acknowledgement is owed, and no timer");
	for (unsigned i = 0; i < TIMERS; i++)
		armed |= c->deadline_ns[i] != 0;
	HOLDS(armed, "a state without a timer");
}

void invariant_turn(struct invariant *invariant, struct tcp *tcp)
{
	uint32_t pieces = 0;

	for (uint32_t i = 0; i < tcp->connections_fresh; i++) {
		const struct connection *c = &tcp->connections[i];

		if (c->state == CLOSED)
			continue;
		pieces += c->pieces_n;
		turn_check(invariant, tcp, c);
	}
	if (tcp->touched.first != NULL)
		journal_fail(invariant->journal, "%s: a touched connection was not visited",
			     invariant->name);
	if (pieces != tcp->pieces_held)
		journal_fail(invariant->journal, "%s: %u pieces held, %u counted", invariant->name,
			     pieces, tcp->pieces_held);
	/* Counting a pool is slow. */
	if (invariant->checks % 16 == 0 && pieces + hog_holds(invariant->hog, tcp->pieces) !=
						   rte_mempool_in_use_count(tcp->pieces))
		journal_fail(invariant->journal, "%s: %u pieces held, %u taken", invariant->name,
			     pieces, rte_mempool_in_use_count(tcp->pieces));
}

static bool pool_is_ours(const struct invariant *invariant, const struct rte_mempool *pool)
{
	size_t n = strlen(invariant->name);

	return strncmp(pool->name, invariant->name, n) == 0 && pool->name[n] == '_';
}

static void pool_rest(struct rte_mempool *pool, void *opaque)
{
	struct invariant *invariant = opaque;
	const struct tcp *tcp = invariant->tcp;
	unsigned spare =
		(pool == tcp->blocks_large && tcp->spare != NULL) + hog_holds(invariant->hog, pool);

	if (pool_is_ours(invariant, pool) && rte_mempool_in_use_count(pool) != spare)
		journal_fail(invariant->journal, "%s: %u left in use of %s", invariant->name,
			     rte_mempool_in_use_count(pool) - spare, pool->name);
}

void invariant_rest(struct invariant *invariant, struct tcp *tcp)
{
	if (tcp->established != 0 || tcp->syn_received != 0)
		journal_fail(invariant->journal, "%s: a connection is left", invariant->name);
	if (tcp->starved.first != NULL || tcp->touched.first != NULL)
		journal_fail(invariant->journal, "%s: a list is not empty", invariant->name);
	if (wheel_next_ns(tcp->wheel) != UINT64_MAX)
		journal_fail(invariant->journal, "%s: a timer is left", invariant->name);
	if (tcp_next_ns(tcp) != UINT64_MAX)
		journal_fail(invariant->journal, "%s: something is left to do", invariant->name);
	rte_mempool_walk(pool_rest, invariant);
}

static void pool_gone(struct rte_mempool *pool, void *opaque)
{
	struct invariant *invariant = opaque;

	if (pool_is_ours(invariant, pool))
		journal_fail(invariant->journal, "%s: %s outlives its TCP", invariant->name,
			     pool->name);
}

void invariant_create(struct invariant *invariant, struct tcp *tcp, struct journal *journal,
		      const char *name)
{
	*invariant = (struct invariant){.journal = journal, .name = name, .tcp = tcp};
	invariant->shadows = calloc(tcp->connections_n, sizeof(*invariant->shadows));
	invariant->patience = calloc(tcp->connections_n, sizeof(*invariant->patience));
	ASSERT(invariant->shadows != NULL && invariant->patience != NULL);
}

void invariant_destroy(struct invariant *invariant)
{
	rte_mempool_walk(pool_gone, invariant);
	free(invariant->shadows);
	free(invariant->patience);
	invariant->shadows = NULL;
	invariant->patience = NULL;
}
