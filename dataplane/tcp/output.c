/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <rte_byteorder.h>
#include <rte_tcp.h>

#include "application.h"
#include "congestion.h"
#include "ecn.h"
#include "pacing.h"
#include "sack.h"
#include "send.h"
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
	size_t options_bytes;
	uint8_t options[OPTIONS_BYTES_MAX];
};

/* An mbuf with the header alone, or NULL. */
static struct rte_mbuf *segment_new(struct tcp *tcp, const struct tuple *tuple,
				    const struct header *header)
{
	uint16_t bytes = (uint16_t)(HEADER_BYTES + header->options_bytes);
	struct rte_mbuf *segment = rte_pktmbuf_alloc(tcp->headers);
	struct rte_tcp_hdr *tcp_header;

	if (segment == NULL) {
		tcp->stats.memory_dropped++;
		return NULL;
	}
	segment->data_len = bytes;
	segment->pkt_len = bytes;
	segment->l4_len = bytes;
	tcp_header = rte_pktmbuf_mtod(segment, struct rte_tcp_hdr *);
	*tcp_header = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(tuple->local_port),
		.dst_port = rte_cpu_to_be_16(tuple->peer_port),
		.sent_seq = rte_cpu_to_be_32(header->seq),
		.recv_ack = rte_cpu_to_be_32(header->ack),
		.data_off = (uint8_t)(bytes / WORD << 4),
		.tcp_flags = header->flags,
		.rx_win = rte_cpu_to_be_16(header->window),
	};
	memcpy(tcp_header + 1, header->options, header->options_bytes);
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
	header.options_bytes = tcp_options_write(&options, header.options);
	return segment_new(tcp, &c->tuple, &header);
}

void tcp_bare_send(struct tcp *tcp, const struct tuple *tuple, uint32_t seq, uint32_t ack,
		   uint8_t flags, uint16_t window, const struct options *options)
{
	struct header header = {.seq = seq, .ack = ack, .flags = flags, .window = window};
	struct rte_mbuf *segment;

	if (options != NULL)
		header.options_bytes = tcp_options_write(options, header.options);
	segment = segment_new(tcp, tuple, &header);
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
static uint32_t sequence_heard(const struct connection *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	return seq_gt(c->snd_max, edge + (1U << c->snd_shift)) ? edge : c->snd_max;
}

void tcp_ack_send(struct tcp *tcp, struct connection *c)
{
	control_send(tcp, c, sequence_heard(c), NULL);
}

void tcp_repeat_send(struct tcp *tcp, struct connection *c, const struct sack_block *repeated)
{
	control_send(tcp, c, sequence_heard(c), repeated);
}

void tcp_challenge_send(struct tcp *tcp, struct connection *c)
{
	if (tcp->now_ns < c->challenge_ns)
		return;
	c->challenge_ns = tcp->now_ns + TCP_CHALLENGE_MS * tcp_ms;
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
	tcp_bare_send(tcp, &c->tuple, sequence_heard(c), c->rcv_nxt, flags, 0, NULL);
}

uint16_t tcp_path_mss(const struct tcp *tcp, const uint8_t peer[16])
{
	uint32_t mtu = tcp->env->wire->mtu(tcp->env->wire, peer);

	if (mtu > UINT16_MAX)
		mtu = UINT16_MAX;
	return mtu > TCP_HEADERS + TCP_MSS_MIN ? (uint16_t)(mtu - TCP_HEADERS) : TCP_MSS_MIN;
}

bool tcp_syn_emit(struct tcp *tcp, const struct connection *c, uint32_t timestamp)
{
	bool answer = c->state == SYN_RECEIVED;
	struct header header = {.seq = c->snd_una,
				.window = tcp_syn_window(tcp),
				.ack = answer ? c->rcv_nxt : 0,
				.flags = SEGMENT_SYN | tcp_ecn_syn(tcp, c)};
	/* In an answer only what the peer offered (RFC 7323 1.3, 2.2). */
	const struct options options = {.mss = tcp_path_mss(tcp, c->tuple.peer),
					.timestamps = c->flags & C_TIMESTAMPS,
					.value = timestamp,
					.echo = c->ts_recent,
					.scaling = !answer || (c->flags & C_SCALING),
					.sack_permitted = c->flags & C_SACK,
					.shift = c->rcv_shift};
	struct rte_mbuf *segment;

	if (answer)
		header.flags |= SEGMENT_ACK;
	header.options_bytes = tcp_options_write(&options, header.options);
	segment = segment_new(tcp, &c->tuple, &header);
	if (segment == NULL)
		return false;
	segment_send(tcp, &c->tuple, segment, ECN_NOT);
	return true;
}

void tcp_syn_send(struct tcp *tcp, struct connection *c)
{
	if (c->snd_max == c->snd_una && !(c->flags & C_TIMING)) {
		c->flags |= C_TIMING;
		c->timed_seq = c->snd_una;
		c->timed_ns = tcp->now_ns;
	} else {
		c->flags &= ~(uint32_t)C_TIMING;
	}
	c->snd_nxt = c->snd_max = c->snd_una + 1;
	tcp_timer_retransmit(tcp, c);
	if (tcp_syn_emit(tcp, c, tcp_timestamp(tcp, c->ts_offset)))
		acked(c);
}

uint32_t tcp_usable(const struct connection *c)
{
	uint32_t window = c->cwnd, out = c->snd_nxt - c->snd_una;

	/* Limited transmit (RFC 3042): the first two duplicates may each send a segment. */
	if (!(c->flags & C_RECOVERY) && c->duplicates < TCP_DUPLICATES)
		window += c->duplicates * c->mss;
	if (window > c->snd_wnd)
		window = c->snd_wnd;
	return window > out ? window - out : 0;
}

/* Whether a FIN is to follow the last byte and is not yet before snd_nxt. */
static bool fin_due(const struct connection *c)
{
	return (c->flags & C_CLOSE) && seq_le(c->snd_nxt, c->snd_end);
}

/*
 * One segment from `seq` on. Returns how far it went in sequence space, the FIN counted; 0 when
 * memory is out. A segment of several times the MSS is cut by the port (TSO).
 */
static uint32_t segment_emit(struct tcp *tcp, struct connection *c, uint32_t seq, uint32_t len,
			     bool fin)
{
	/* Blocks find room in a short segment only: payload comes first. */
	uint32_t room = len < c->mss ? c->mss - len : 0, sent;
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
	if (seq_lt(seq, c->snd_max)) {
		tcp->stats.retransmit_segments++;
		c->flags &= ~(uint32_t)C_TIMING; /* Karn: whose acknowledgement would it be? */
	} else {
		ecn = sent > 0 ? tcp_ecn_mark(c, &header->tcp_flags) : ECN_NOT;
		if (!(c->flags & C_TIMING)) {
			c->flags |= C_TIMING;
			c->timed_seq = seq;
			c->timed_ns = tcp->now_ns;
		}
	}
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

/* Sender's silly window avoidance and Nagle (RFC 9293 3.8.6.2.1, 3.7.4), the latter only while
 * the session itself says that there is more to come. */
static bool worth_sending(const struct connection *c, uint32_t len, uint32_t unsent)
{
	if (len >= c->mss || seq_lt(c->snd_nxt, c->snd_max))
		return true;
	if (len == unsent && (!(c->flags & C_MORE) || tcp_flight(c) == 0))
		return true;
	return len >= c->snd_wnd_max / 2;
}

enum emitted { NOTHING, SOMETHING, NO_ROOM };

/* Sends one segment of what is due; with `force` a silly one, too. */
static enum emitted output_one(struct tcp *tcp, struct connection *c, bool force)
{
	uint32_t unsent = tcp_unsent(c), usable = tcp_usable(c), len = unsent, sent;
	bool fin = fin_due(c);

	if (unsent == 0 && !fin)
		return NOTHING;
	if (len > usable)
		len = usable;
	if (len > burst_bytes(tcp, c))
		len = burst_bytes(tcp, c);
	else if (len > c->mss && (len < unsent || (c->flags & C_MORE)))
		len -= len % c->mss;
	fin = fin && len == unsent;
	if (!fin && (len == 0 || !(force || worth_sending(c, len, unsent))))
		return NOTHING;
	if (!force && len > 0 && tcp_pacing_waits(tcp, c))
		return NOTHING;
	if (!force && tcp_wire_full(tcp, c)) {
		tcp->stats.wire_full++;
		return NO_ROOM;
	}
	sent = segment_emit(tcp, c, c->snd_nxt, len, fin);
	if (sent == 0)
		return NO_ROOM;
	tcp_pacing_sent(c, sent);
	c->snd_nxt += sent;
	if (seq_gt(c->snd_nxt, c->snd_max))
		c->snd_max = c->snd_nxt;
	return SOMETHING;
}

/* What must happen if nobody answers. */
static void timers_follow(struct tcp *tcp, struct connection *c)
{
	if (tcp_flight(c) > 0) {
		if (c->deadline_ns[TIMER_RETRANSMIT] == 0 || (c->flags & C_PROBING)) {
			c->flags &= ~(uint32_t)C_PROBING;
			tcp_timer_retransmit(tcp, c);
		}
	} else if (tcp_unsent(c) > 0 || fin_due(c) ||
		   ((c->flags & C_WANTS) && tcp_usable(c) == 0)) {
		if (c->deadline_ns[TIMER_RETRANSMIT] == 0) {
			c->flags |= C_PROBING;
			tcp_timer_retransmit(tcp, c);
		}
	} else {
		c->flags &= ~(uint32_t)C_PROBING;
		tcp_timer_clear(c, TIMER_RETRANSMIT);
	}
}

static void output_end(struct tcp *tcp, struct connection *c, enum emitted last)
{
	if (last == NO_ROOM)
		tcp_application_starve(tcp, c);
	if (c->cwnd <= c->snd_wnd && tcp_usable(c) < c->mss)
		tcp_congestion_full(c);
	if (tcp_pacing_waits(tcp, c))
		tcp_pacing_end(tcp, c);
	timers_follow(tcp, c);
}

void tcp_output(struct tcp *tcp, struct connection *c)
{
	enum emitted emitted;

	if (tcp_flight(c) == 0)
		tcp_congestion_idle(tcp, c);
	tcp_pacing_begin(tcp, c);
	do
		emitted = output_one(tcp, c, false);
	while (emitted == SOMETHING);
	output_end(tcp, c, emitted);
}

void tcp_output_force(struct tcp *tcp, struct connection *c)
{
	output_end(tcp, c, output_one(tcp, c, true));
}

void tcp_retransmit(struct tcp *tcp, struct connection *c)
{
	uint32_t len = c->snd_end - c->snd_una;
	bool fin;

	ASSERT(tcp_flight(c) > 0 && seq_le(c->snd_una, c->snd_end));
	if (len > c->mss)
		len = c->mss;
	/* Only what was sent before: new data is tcp_output()'s. */
	if (len > tcp_flight(c))
		len = tcp_flight(c);
	fin = (c->flags & C_CLOSE) && c->snd_una + len == c->snd_end &&
	      seq_gt(c->snd_max, c->snd_end);
	if (len > 0 || fin)
		segment_emit(tcp, c, c->snd_una, len, fin);
}
