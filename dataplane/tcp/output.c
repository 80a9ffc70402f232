/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <rte_byteorder.h>
#include <rte_tcp.h>

#include "application.h"
#include "congestion.h"
#include "ecn.h"
#include "mtu.h"
#include "pacing.h"
#include "prr.h"
#include "sack.h"
#include "scoreboard.h"
#include "send.h"
#include "spurious.h"
#include "timers.h"
#include "window.h"

enum {
	HEADER_BYTES = sizeof(struct rte_tcp_hdr),
	WORD = 4, /* the header's length is in words */
};

/* What differs between one header and the next. */
struct header {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
};

/* Writes a header and, if not NULL, its options into an empty mbuf. Inline, so that of the options
 * only those are asked about that the caller's kind of segment may have. */
static inline void header_write(struct rte_mbuf *segment, const struct tuple *tuple,
				const struct header *header, const struct options *options)
{
	struct rte_tcp_hdr *tcp_header = rte_pktmbuf_mtod(segment, struct rte_tcp_hdr *);
	uint16_t bytes = HEADER_BYTES;

	if (options != NULL)
		bytes += (uint16_t)tcp_options_write(options, (uint8_t *)(tcp_header + 1));
	segment->data_len = bytes;
	segment->pkt_len = bytes;
	segment->l4_len = bytes;
	*tcp_header = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(tuple->local_port),
		.dst_port = rte_cpu_to_be_16(tuple->peer_port),
		.sent_seq = rte_cpu_to_be_32(header->seq),
		.recv_ack = rte_cpu_to_be_32(header->ack),
		.data_off = (uint8_t)(bytes / WORD << 4),
		.tcp_flags = header->flags,
		.rx_win = rte_cpu_to_be_16(header->window),
	};
}

/* An empty mbuf for a header, or NULL. */
static struct rte_mbuf *segment_alloc(struct tcp *tcp)
{
	struct rte_mbuf *segment = rte_pktmbuf_alloc(tcp->headers);

	if (segment == NULL)
		tcp->stats.memory_dropped++;
	return segment;
}

/* One with the header alone, or NULL. */
static struct rte_mbuf *segment_new(struct tcp *tcp, const struct tuple *tuple,
				    const struct header *header, const struct options *options)
{
	struct rte_mbuf *segment = segment_alloc(tcp);

	if (segment != NULL)
		header_write(segment, tuple, header, options);
	return segment;
}

static void segment_send(struct tcp *tcp, const struct tuple *tuple, struct rte_mbuf *segment,
			 uint8_t ecn)
{
	tcp->stats.segments_out++;
	tcp->stats.bytes_out += segment->pkt_len - segment->l4_len;
	tcp->env->wire->send(tcp->env->wire, segment, tuple->local, tuple->peer, ecn);
}

/* The right edge moves and an acknowledgement is no longer owed, once the segment is sent. */
static uint16_t window_offer(struct tcp *tcp, struct connection *c)
{
	uint32_t window;

	c->rcv_adv = tcp_window_edge(tcp, c);
	ASSERT(seq_ge(c->rcv_adv, c->rcv_nxt));
	window = (c->rcv_adv - c->rcv_nxt) >> c->rcv_shift;
	return window < UINT16_MAX ? (uint16_t)window : UINT16_MAX;
}

static void acked(struct connection *c)
{
	c->rcv_acked = c->rcv_nxt;
	c->flags &= ~(uint32_t)C_ACK_NOW;
	tcp_timer_clear(c, TIMER_ACK);
}

/* The header of a segment of an established connection, with SACK blocks where they are due. */
static struct rte_mbuf *segment_of(struct tcp *tcp, struct connection *c, uint32_t seq,
				   uint8_t flags, const struct sack_block *repeated, uint32_t room)
{
	uint8_t echo = c->flags & C_ECE ? SEGMENT_ECE : 0;
	struct header header = {.seq = seq, .ack = c->rcv_nxt, .flags = flags | echo};
	struct options options = {.timestamps = c->flags & C_TIMESTAMPS,
				  .value = tcp_timestamp(tcp, c->ts_offset),
				  .echo = c->ts_recent};

	if (c->runs != NULL || repeated != NULL)
		tcp_sack_put(tcp, c, repeated, room, &options);
	header.window = window_offer(tcp, c);
	return segment_new(tcp, &c->tuple, &header, &options);
}

void tcp_bare_send(struct tcp *tcp, const struct tuple *tuple, uint32_t seq, uint32_t ack,
		   uint8_t flags, uint16_t window, const struct options *options)
{
	struct header header = {.seq = seq, .ack = ack, .flags = flags, .window = window};
	struct rte_mbuf *segment;

	segment = segment_new(tcp, tuple, &header, options);
	if (segment == NULL)
		return;
	if (flags & SEGMENT_RST)
		tcp->stats.reset_sent++;
	segment_send(tcp, tuple, segment, ECN_NOT);
}

static void control_send(struct tcp *tcp, struct connection *c, uint32_t seq,
			 const struct sack_block *repeated)
{
	struct rte_mbuf *segment =
		segment_of(tcp, c, seq, SEGMENT_ACK, repeated, OPTIONS_BYTES_MAX);

	/* Without memory the acknowledgement is still owed, and soon tried again. */
	if (segment == NULL) {
		c->flags |= C_ACK_NOW;
		tcp_application_starve(tcp, c);
		return;
	}
	acked(c);
	segment_send(tcp, &c->tuple, segment, ECN_NOT);
}

/*
 * Where a segment without data stands: behind what was sent, unless the peer has taken back the
 * window that was sent in. It looks at nothing beyond (RFC 9293 3.10.7.4), and two sides whose
 * windows have both shrunk would not hear each other's acknowledgements. A FIN, and what a scaled
 * window cannot say, may lie beyond.
 */
static uint32_t control_seq(const struct connection *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	if (c->state < ESTABLISHED || seq_le(c->snd_nxt, edge + (1U << c->snd_shift)))
		return c->snd_nxt;
	return edge;
}

void tcp_ack_send(struct tcp *tcp, struct connection *c)
{
	control_send(tcp, c, control_seq(c), NULL);
}

void tcp_repeat_send(struct tcp *tcp, struct connection *c, const struct sack_block *repeated)
{
	control_send(tcp, c, control_seq(c), repeated);
}

void tcp_challenge_send(struct tcp *tcp, struct connection *c)
{
	if (!tcp_challenge_take(tcp, c))
		return;
	tcp->stats.challenge_acks++;
	tcp_ack_send(tcp, c);
}

void tcp_probe_send(struct tcp *tcp, struct connection *c)
{
	control_send(tcp, c, c->snd_una - 1, NULL);
}

void tcp_reset_send(struct tcp *tcp, struct connection *c)
{
	uint8_t flags = SEGMENT_RST | SEGMENT_ACK;

	/* Nobody knows of a SYN that was not answered (RFC 9293 3.10.5). */
	if (c->state == SYN_SENT)
		return;
	tcp_bare_send(tcp, &c->tuple, control_seq(c), c->rcv_nxt, flags, 0, NULL);
}

uint16_t tcp_path_mss(const struct tcp *tcp, const uint8_t peer[16])
{
	uint32_t mtu = tcp->env->wire->mtu(tcp->env->wire, peer);

	if (mtu > UINT16_MAX)
		mtu = UINT16_MAX;
	return mtu > TCP_HEADERS + TCP_MSS_MIN ? (uint16_t)(mtu - TCP_HEADERS) : TCP_MSS_MIN;
}

/* False: no memory. */
static bool syn_emit(struct tcp *tcp, const struct connection *c)
{
	bool answer = c->state == SYN_RECEIVED;
	struct header header = {.seq = c->snd_una,
				.window = tcp_syn_window(tcp),
				.ack = answer ? c->rcv_nxt : 0,
				.flags = SEGMENT_SYN | tcp_ecn_syn(tcp, c)};
	/* In an answer only what the peer offered (RFC 7323 1.3, 2.2). */
	const struct options options = {.mss = tcp_path_mss(tcp, c->tuple.peer),
					.timestamps = c->flags & C_TIMESTAMPS,
					.value = tcp_timestamp(tcp, c->ts_offset),
					.echo = c->ts_recent,
					.scaling = !answer || (c->flags & C_SCALING),
					.sack_permitted = c->flags & C_SACK,
					.shift = c->rcv_shift};
	struct rte_mbuf *segment;

	if (answer)
		header.flags |= SEGMENT_ACK;
	segment = segment_new(tcp, &c->tuple, &header, &options);
	if (segment == NULL)
		return false;
	segment_send(tcp, &c->tuple, segment, ECN_NOT);
	return true;
}

bool tcp_cookie_emit(struct tcp *tcp, const struct tuple *tuple, const struct segment *syn,
		     uint32_t cookie, uint32_t timestamp)
{
	/* Without timestamps a shift, SACK and ECN could not be kept. */
	bool keeps = syn->options.timestamps, ecn = keeps && tcp_ecn_asked(tcp, syn);
	const struct header header = {
		.seq = cookie,
		.ack = syn->seq + 1,
		.window = tcp_syn_window(tcp),
		.flags = (uint8_t)(SEGMENT_SYN | SEGMENT_ACK | (ecn ? SEGMENT_ECE : 0))};
	const struct options options = {.mss = tcp_path_mss(tcp, tuple->peer),
					.timestamps = keeps,
					.value = timestamp,
					.echo = syn->options.value,
					.scaling = keeps && syn->options.scaling,
					.sack_permitted = keeps && syn->options.sack_permitted,
					.shift = tcp->rcv_shift};
	struct rte_mbuf *segment = segment_alloc(tcp);

	if (segment == NULL)
		return false;
	header_write(segment, tuple, &header, &options);
	segment_send(tcp, tuple, segment, ECN_NOT);
	return true;
}

void tcp_syn_send(struct tcp *tcp, struct connection *c)
{
	/* Of what went twice nobody can tell which is acknowledged (Karn, RFC 6298 3), also where
	 * it was the peer's SYN that came again, not the timer. */
	c->sent_ns = c->snd_nxt == c->snd_una ? tcp->now_ns : 0;
	c->snd_nxt = c->snd_una + 1;
	tcp_timer_retransmit(tcp, c);
	if (syn_emit(tcp, c))
		acked(c);
}

static uint32_t window_left(const struct connection *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	return seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
}

/* What may join the network. The pipe without duplicates or SACKed segments has room for as many
 * new ones: that is limited transmit (RFC 3042, RFC 6675 5 step 3). */
static uint32_t room(const struct connection *c)
{
	uint32_t pipe = tcp_pipe(c);

	return c->cwnd > pipe ? c->cwnd - pipe : 0;
}

uint32_t tcp_usable(const struct connection *c)
{
	uint32_t network = room(c), peer = window_left(c);

	return network < peer ? network : peer;
}

/* Whether a FIN is to follow the last byte and is not yet before snd_nxt. */
static bool fin_due(const struct connection *c)
{
	return (c->flags & C_CLOSE) && seq_le(c->snd_nxt, c->snd_end);
}

/*
 * One segment from `seq` on. Returns how far it went in sequence space, the FIN counted; 0 when
 * memory is out. A segment of several times the MSS is cut by the port (TSO). Payload comes first:
 * blocks find room in what it leaves of `most` only, the MSS or less (RFC 9293 3.7.1).
 */
static uint32_t segment_emit(struct tcp *tcp, struct connection *c, uint32_t seq, uint32_t len,
			     uint32_t most, bool fin)
{
	uint32_t room = len < most ? most - len : 0, sent;
	struct rte_mbuf *segment = segment_of(tcp, c, seq, SEGMENT_ACK, NULL, room);
	struct rte_tcp_hdr *header;
	uint8_t ecn = ECN_NOT;

	if (segment == NULL)
		return 0;
	sent = tcp_send_attach(tcp, c, segment, seq, len);
	if (sent < len)
		fin = false;
	if (sent == 0 && !fin) {
		tcp->stats.memory_dropped++;
		rte_pktmbuf_free(segment);
		return 0;
	}
	header = rte_pktmbuf_mtod(segment, struct rte_tcp_hdr *);
	if (seq + sent == c->snd_end)
		header->tcp_flags |= SEGMENT_PSH;
	if (fin)
		header->tcp_flags |= SEGMENT_FIN;
	if (sent > c->mss) {
		segment->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		segment->tso_segsz = c->mss;
	}
	if (sent > 0 && seq == c->snd_nxt)
		ecn = tcp_ecn_mark(c, &header->tcp_flags);
	c->sent_ns = tcp->now_ns;
	acked(c);
	segment_send(tcp, &c->tuple, segment, ecn);
	return sent + fin;
}

/* The largest payload of one mbuf chain, a multiple of the MSS. */
static uint32_t burst_bytes(const struct tcp *tcp, const struct connection *c)
{
	uint32_t most = tcp->env->wire->tso_bytes_max;

	/* Ports differ in which of the segments they put CWR: it goes alone. */
	if (c->flags & C_CWR)
		return c->mss;
	if (most > c->mss && tcp_paced(c) && most > tcp_pacing_chain(c))
		most = tcp_pacing_chain(c);
	return most > c->mss ? most - most % c->mss : c->mss;
}

/* New data, recorded by segments of the MSS; returns as segment_emit() does. */
static uint32_t new_emit(struct tcp *tcp, struct connection *c, uint32_t len, bool fin)
{
	uint32_t segments = len > c->mss ? (len + c->mss - 1) / c->mss : 1;
	uint32_t records = tcp_scoreboard_room(tcp, c, segments), sent, left;

	if (records == 0) {
		tcp->stats.memory_dropped++;
		return 0;
	}
	if (records < segments) {
		len = records * c->mss;
		fin = false;
	}
	sent = segment_emit(tcp, c, c->snd_nxt, len, c->mss, fin);
	if (sent == 0)
		tcp_scoreboard_settle(tcp, c);
	fin = seq_gt(c->snd_nxt + sent, c->snd_end);
	for (left = sent; left > (uint32_t)c->mss + fin; left -= c->mss)
		tcp_scoreboard_sent(tcp, c, c->mss);
	if (left > 0)
		tcp_scoreboard_sent(tcp, c, left);
	if (c->flags & C_RECOVERY)
		tcp_prr_sent(c, sent);
	else if (c->sacked_n > 0 || c->duplicates > 0)
		tcp->stats.limited_transmits++;
	return sent;
}

/* One packet larger than the MSS, to see whether the path takes it (RFC 4821 7.5). */
static uint32_t probe_emit(struct tcp *tcp, struct connection *c, uint32_t len)
{
	uint16_t mss = c->mss;
	uint32_t sent;

	c->mss = (uint16_t)len;
	sent = new_emit(tcp, c, len, false);
	c->mss = mss;
	tcp_mtu_probe_sent(tcp, c, sent);
	return sent;
}

/* How many records from this one on leave as one segment: lost ones that follow it and fit, so that
 * what was said in small pieces is not repeated in small pieces. Where the port is to cut it, it
 * cuts between records that fit the path: parts of one that arrive by themselves could not be told
 * from it. */
static uint16_t records_together(struct connection *c, uint16_t number, uint32_t most)
{
	uint16_t left = c->records_n - ((number - c->record_first) & RECORD_MASK), n = 1;
	uint32_t bytes = tcp_record(c, number)->bytes;

	for (; n < left; n++) {
		const struct record *next = tcp_record(c, (number + n) & RECORD_MASK);
		bool whole = bytes % c->mss == 0 || next->bytes > c->mss;

		bytes += next->bytes;
		if (!(next->flags & RECORD_LOST) || bytes > most || (bytes > c->mss && !whole))
			break;
	}
	return n;
}

static void records_sent_again(struct tcp *tcp, struct connection *c, uint16_t number, uint16_t n)
{
	/* RFC 6675 5: the first is waited for anew. */
	if (number == c->record_first)
		c->restart_us = tcp->now_us;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (number + i) & RECORD_MASK;

		if (c->flags & C_RECOVERY)
			tcp_prr_sent(c, tcp_record(c, at)->bytes);
		tcp_scoreboard_resent(tcp, c, at);
		tcp_spurious_resent(tcp, c);
	}
}

/* Sends a record again, and with it what fits; when the MSS is smaller than it was, in several
 * segments; of more than `limit` one segment of so much. False: without memory, at the most a part
 * of it. */
static bool record_emit(struct tcp *tcp, struct connection *c, uint16_t number, uint32_t limit)
{
	uint32_t chain = burst_bytes(tcp, c), left = room(c);
	uint32_t most = chain < left ? chain : left > c->mss ? left : c->mss;
	bool cut = most > limit;
	uint16_t n = records_together(c, number, cut ? limit : most);
	uint32_t seq = tcp_record(c, number)->seq, fits = limit < c->mss ? limit : c->mss;
	uint32_t end = tcp_record_end(tcp_record(c, (number + n - 1) & RECORD_MASK));
	bool fin = seq_gt(end, c->snd_end);

	most = cut ? limit : most;
	do {
		uint32_t len = end - fin - seq;
		bool last = len <= most;
		uint32_t sent = segment_emit(tcp, c, seq, last ? len : most, fits, fin && last);

		if (sent == 0)
			return false;
		tcp->stats.retransmit_segments++;
		seq += sent;
	} while (seq != end && !cut);
	records_sent_again(tcp, c, number, n);
	return true;
}

/* Sender's silly window avoidance and Nagle (RFC 9293 3.8.6.2.1, 3.7.4), the latter only while
 * the session itself says that there is more to come. */
static bool worth_sending(const struct connection *c, uint32_t len, uint32_t unsent)
{
	if (len >= c->mss)
		return true;
	if (len == unsent && (!(c->flags & C_MORE) || tcp_flight(c) == 0))
		return true;
	return len >= c->snd_wnd_max / 2;
}

enum emitted { NOTHING, SOMETHING, NO_ROOM };

/* Sends one segment of what is due; with `force` a silly one, too. */
static enum emitted output_one(struct tcp *tcp, struct connection *c, bool force)
{
	uint32_t unsent = tcp_unsent(c), usable = tcp_usable(c), len = unsent, probe, sent;
	bool fin = fin_due(c);

	if (unsent == 0 && !fin)
		return NOTHING;
	if (len > usable)
		len = usable;
	probe = (c->flags & C_SEARCH) && !force ? tcp_mtu_probe(tcp, c) : 0;
	if (len < probe)
		return NOTHING;
	if (probe > 0)
		len = probe;
	else if (len > burst_bytes(tcp, c))
		len = burst_bytes(tcp, c);
	else if (len > c->mss && (len < unsent || (c->flags & C_MORE)))
		len -= len % c->mss;
	fin = fin && len == unsent;
	if (!fin && (len == 0 || !(force || worth_sending(c, len, unsent))))
		return NOTHING;
	if (!force && tcp_pacing_waits(tcp, c))
		return NOTHING;
	if (!force && tcp_wire_full(tcp, c)) {
		tcp->stats.wire_full++;
		return NO_ROOM;
	}
	sent = probe > 0 ? probe_emit(tcp, c, len) : new_emit(tcp, c, len, fin);
	if (sent == 0)
		return NO_ROOM;
	tcp_pacing_sent(c, sent);
	return SOMETHING;
}

/* Sends again what is lost, the first of it (RFC 6675 4 NextSeg, rule 1). */
static enum emitted again_one(struct tcp *tcp, struct connection *c)
{
	uint16_t number = tcp_scoreboard_lost(c);
	const struct record *record = tcp_record(c, number);
	uint32_t need = record->bytes < c->mss ? record->bytes : c->mss;

	if (room(c) < need ||
	    (number != c->record_first && seq_gt(tcp_record_end(record), c->snd_una + c->snd_wnd)))
		return NOTHING;
	if (tcp_wire_full(tcp, c)) {
		tcp->stats.wire_full++;
		return NO_ROOM;
	}
	return record_emit(tcp, c, number, UINT32_MAX) ? SOMETHING : NO_ROOM;
}

/* What is lost goes before what is new, but for the two segments of F-RTO; where the session turns
 * out to have none it is what was lost after all (RFC 5682 3.1 step 2b). */
static enum emitted next_one(struct tcp *tcp, struct connection *c)
{
	enum emitted emitted;

	if (c->lost_n > 0 && !(c->loss & LOSS_FRTO_NEW))
		return again_one(tcp, c);
	emitted = output_one(tcp, c, false);
	if (emitted != NOTHING || c->lost_n == 0 || c->snd_nxt != c->recover)
		return emitted;
	c->loss &= (uint16_t)~LOSS_FRTO_NEW;
	return again_one(tcp, c);
}

/* What must happen if nobody answers. */
static void timers_follow(struct tcp *tcp, struct connection *c, bool sent)
{
	bool running = c->deadline_ns[TIMER_RETRANSMIT] != 0;

	if (tcp_flight(c) > 0) {
		if (!running || c->waits == WAIT_WINDOW) {
			c->waits = WAIT_RTO;
			c->restart_us = tcp->now_us;
			tcp_timer_loss(tcp, c);
		} else if (sent) {
			tcp_timer_loss(tcp, c);
		}
	} else if (tcp_unsent(c) > 0 || fin_due(c) ||
		   ((c->flags & C_WANTS) && tcp_usable(c) == 0)) {
		if (!running) {
			c->waits = WAIT_WINDOW;
			tcp_timer_retransmit(tcp, c);
		}
	} else {
		c->waits = WAIT_RTO;
		tcp_timer_clear(c, TIMER_RETRANSMIT);
	}
}

static void output_end(struct tcp *tcp, struct connection *c, enum emitted last, bool sent)
{
	if (last == NO_ROOM)
		tcp_application_starve(tcp, c);
	if (c->cwnd <= c->snd_wnd && room(c) < c->mss)
		tcp_congestion_full(c);
	if (tcp_pacing_waits(tcp, c))
		tcp_pacing_end(tcp, c);
	timers_follow(tcp, c, sent);
}

void tcp_output(struct tcp *tcp, struct connection *c)
{
	enum emitted emitted;
	bool sent = false;

	if (tcp_flight(c) == 0)
		tcp_congestion_idle(tcp, c);
	tcp_pacing_begin(tcp, c);
	while ((emitted = next_one(tcp, c)) == SOMETHING)
		sent = true;
	output_end(tcp, c, emitted, sent);
}

void tcp_output_force(struct tcp *tcp, struct connection *c)
{
	enum emitted emitted = output_one(tcp, c, true);

	output_end(tcp, c, emitted, emitted == SOMETHING);
}

void tcp_retransmit(struct tcp *tcp, struct connection *c, uint32_t most)
{
	ASSERT(c->records_n > 0);
	record_emit(tcp, c, c->record_first, most);
}

bool tcp_output_probe(struct tcp *tcp, struct connection *c, bool *again_r)
{
	uint32_t len = tcp_unsent(c), left = window_left(c);
	uint16_t last = (c->record_first + c->records_n - 1) & RECORD_MASK;

	if (len > c->mss)
		len = c->mss;
	*again_r = left < len || (len == 0 && !fin_due(c));
	if (*again_r)
		return record_emit(tcp, c, last, UINT32_MAX);
	return new_emit(tcp, c, len, fin_due(c) && len == tcp_unsent(c)) > 0;
}
