/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"
#include "connection.h"
#include "ecn.h"
#include "input.h"
#include "listen.h"
#include "output.h"
#include "receive.h"
#include "recovery.h"
#include "runs.h"
#include "scoreboard.h"
#include "send.h"
#include "timers.h"
#include "timewait.h"
#include "window.h"

/* A check says whether the next one is to see the segment. */
enum check { GO_ON, DROP };

static bool fin_acked(const struct connection *c)
{
	return (c->flags & C_CLOSE) && seq_gt(c->snd_una, c->snd_end);
}

/* The end of an orderly close: nothing remains but to keep the tuple from being used again. */
static void time_wait(struct tcp *tcp, struct connection *c)
{
	if (c->flags & C_ACK_NOW)
		tcp_ack_send(tcp, c);
	tcp_timewait_enter(tcp, c);
	tcp_connection_end(tcp, c, STREAM_CLOSED);
}

/* RFC 7323 5.3, before all but RST. */
static enum check check_timestamps(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	if (!(c->flags & C_TIMESTAMPS) || (s->flags & SEGMENT_RST))
		return GO_ON;
	if (!s->options.timestamps) {
		/* RFC 7323 3.2: may be dropped; is, or PAWS would protect nothing. A SYN is
		 * left to its own check. */
		if (s->flags & SEGMENT_SYN)
			return GO_ON;
		tcp->stats.paws_dropped++;
		return DROP;
	}
	if (seq_lt(s->options.value, c->ts_recent) &&
	    tcp->now_ns - c->heard_ns < tcp_paws_idle_ns) {
		tcp->stats.paws_dropped++;
		if (segment_end(s) != s->seq) {
			c->flags |= C_ACK_NOW;
			tcp_connection_touch(tcp, c);
		} else {
			tcp_challenge_send(tcp, c);
		}
		return DROP;
	}
	return GO_ON;
}

/*
 * Whether an old copy acknowledges what nothing else has yet. Of a middlebox that makes both
 * windows larger than they are, either side may send beyond the other's: then the acknowledgements
 * of both, which stand behind that, are looked at by nobody (3.10.7.4), and copies of old data are
 * all that is heard. Whoever is believed echoes a timestamp of ours, of the time that a segment may
 * live for: a stranger does not know one.
 */
static bool copy_acknowledges(const struct tcp *tcp, const struct connection *c,
			      const struct segment *s)
{
	return c->state >= ESTABLISHED && (s->flags & SEGMENT_ACK) && seq_gt(s->ack, c->snd_una) &&
	       (c->flags & C_TIMESTAMPS) && s->options.timestamps &&
	       tcp_timestamp(tcp, c->ts_offset) - s->options.echo <= TCP_ECHO_MS;
}

/*
 * RFC 9293 3.10.7.4, first. What starts at the edge of a closed window passes here, for its
 * acknowledgement counts, and loses its data later. Old data is acknowledged at once, for
 * our acknowledgement may have been lost.
 */
static enum check check_sequence(struct tcp *tcp, struct connection *c, struct segment *s)
{
	uint32_t end = segment_end(s);
	bool old = seq_lt(end, c->rcv_nxt) || (end == c->rcv_nxt && s->seq != end);

	if (!old && seq_le(s->seq, c->rcv_adv))
		return GO_ON;
	if (s->flags & SEGMENT_RST) {
		tcp->stats.reset_ignored++;
		return DROP;
	}
	if (c->state == SYN_RECEIVED && s->seq + 1 == c->rcv_nxt &&
	    (s->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN) {
		/* The peer's SYN again: it has not seen our answer, but a flood of copies
		 * gets no flood of answers. (With ACK it is the other side of a simultaneous
		 * open, which needs a plain acknowledgement.) */
		/* Without the flags this time: then so are we (RFC 3168 6.1.1). */
		if ((s->flags & ECN_SETUP) != ECN_SETUP)
			c->flags &= ~(uint32_t)C_ECN;
		if (tcp_challenge_take(tcp, c))
			tcp_syn_send(tcp, c);
		return DROP;
	}
	tcp->stats.window_dropped++;
	if (old && s->len > 0) {
		/* Every copy is reported: the peer learns that it need not have sent it again. */
		segment_repeats(s, s->seq,
				seq_lt(s->seq + s->len, c->rcv_nxt) ? s->seq + s->len : c->rcv_nxt);
		tcp_repeat_send(tcp, c, &s->repeated);
		if (copy_acknowledges(tcp, c, s)) {
			tcp->stats.copy_acks++;
			s->seq = c->rcv_nxt;
			s->len = 0;
			s->flags &= (uint8_t)~SEGMENT_FIN;
			return GO_ON;
		}
	} else if (s->len > 0 || (s->flags & SEGMENT_FIN)) {
		c->flags |= C_ACK_NOW;
		tcp_connection_touch(tcp, c);
	} else {
		tcp_challenge_send(tcp, c);
	}
	return DROP;
}

/* RFC 5961 3.2 and 4.2: only a RST at the very next sequence is believed, no SYN is. */
static enum check check_flags(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	if (s->flags & SEGMENT_RST) {
		if (s->seq != c->rcv_nxt) {
			tcp_challenge_send(tcp, c);
			return DROP;
		}
		tcp->stats.reset_received++;
		tcp_connection_end(tcp, c,
				   c->state == SYN_RECEIVED ? STREAM_REFUSED : STREAM_RESET);
		return DROP;
	}
	if (s->flags & SEGMENT_SYN) {
		tcp_challenge_send(tcp, c);
		return DROP;
	}
	if (s->flags & SEGMENT_ACK)
		return GO_ON;
	tcp->stats.flags_dropped++;
	return DROP;
}

/* The third step of a handshake. */
static enum check check_handshake(struct tcp *tcp, struct connection *c, struct segment *s)
{
	if (c->state != SYN_RECEIVED)
		return GO_ON;
	if (s->ack != c->snd_nxt) {
		tcp_bare_send(tcp, &c->tuple, s->ack, 0, SEGMENT_RST, 0, NULL);
		return DROP;
	}
	if (!(c->flags & C_ACTIVE) && tcp_listen_full(tcp, tcp_source_find(tcp, c->tuple.peer))) {
		tcp_connection_reset(tcp, c, STREAM_ABORTED);
		return DROP;
	}
	tcp_establish(tcp, c, s);
	return DROP; /* it has gone on from there */
}

/* RFC 5961 5.2: an acknowledgement from the far past or of what was never sent is forged. The
 * past goes back to our ISN at most: what lies before it was never sent, either. */
static enum check check_ack(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	uint32_t past = c->snd_wnd_max < c->snd_past ? c->snd_wnd_max : c->snd_past;

	if (seq_gt(s->ack, c->snd_nxt) || seq_lt(s->ack, c->snd_una - past)) {
		tcp_challenge_send(tcp, c);
		return DROP;
	}
	return GO_ON;
}

/* RFC 7323 4.3. */
static void timestamp_take(struct connection *c, const struct segment *s)
{
	if ((c->flags & C_TIMESTAMPS) && s->options.timestamps && seq_le(s->seq, c->rcv_acked))
		c->ts_recent = s->options.value;
}

/* Whether the first segment in flight is not known to have arrived. */
static bool first_is_missing(struct connection *c)
{
	return c->records_n > 0 && !(tcp_record(c, c->record_first)->flags & RECORD_SACKED);
}

/* What acknowledges more than anything before it is the newest there is, even when it is a
 * retransmission with an old sequence; its window is the one that goes with snd_una. */
static void window_take(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	bool opens = c->snd_wnd == 0 && s->window > 0;

	if (seq_le(s->ack, c->snd_wl2) &&
	    (seq_gt(c->snd_wl1, s->seq) || (c->snd_wl1 == s->seq && s->ack != c->snd_wl2)))
		return;
	c->snd_wnd = s->window;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (s->window > c->snd_wnd_max)
		c->snd_wnd_max = s->window;
	/* The peer's window is open again: no more probes, and none were in vain. */
	if (c->waits == WAIT_WINDOW && s->window > 0) {
		c->waits = WAIT_RTO;
		c->retransmits = 0;
		tcp_timer_clear(c, TIMER_RETRANSMIT);
	} else if (opens && c->retransmits > 0 && first_is_missing(c)) {
		/* It was closed over what is in flight: what the timer sent again was probes. */
		c->retransmits = 0;
		tcp_retransmit(tcp, c, c->mss);
		tcp_timer_retransmit(tcp, c);
	}
}

/* Whether an acknowledgement may let something leave. */
static bool output_waits(const struct connection *c)
{
	return (c->flags & C_WANTS) || tcp_unsent(c) > 0 || c->lost_n > 0 ||
	       ((c->flags & C_CLOSE) && seq_le(c->snd_nxt, c->snd_end));
}

/* Whether there is nothing to be learnt of our own segments: none is in flight, none is named. So
 * it is where the peer only sends. */
static bool ack_is_idle(const struct connection *c, const struct segment *s)
{
	return c->records_n == 0 && s->ack == c->snd_una && s->options.blocks_n == 0;
}

/* RFC 9293 3.10.7.4, fifth. */
static void ack_take(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	/* With nothing on its way, nothing of ours was marked. */
	if ((c->flags & C_ECN) && (s->flags & SEGMENT_ECE) && tcp_flight(c) > 0)
		tcp_ecn_echoed(tcp, c);
	if (!ack_is_idle(c, s))
		tcp_recovery_acked(tcp, c, s);
	if (seq_ge(s->ack, c->snd_una))
		window_take(tcp, c, s);
	if (output_waits(c))
		tcp_connection_touch(tcp, c);
}

/* Our FIN is acknowledged. True: the connection is gone. */
static bool close_step(struct tcp *tcp, struct connection *c)
{
	tcp_application_closed(c);
	switch (c->state) {
	case FIN_WAIT_1:
		tcp_connection_turn(tcp, c, FIN_WAIT_2);
		if (c->flags & C_UNREAD)
			tcp_connection_touch(tcp, c);
		tcp_timer_set(tcp, c, TIMER_LIFE, tcp->now_ns + TCP_FIN_WAIT_2_MS * tcp_ms);
		return false;
	case CLOSING:
		time_wait(tcp, c);
		return true;
	case LAST_ACK:
		tcp_connection_end(tcp, c, STREAM_CLOSED);
		return true;
	default:
		return false;
	}
}

/* Cuts off what was received before and what lies beyond the window. */
static void trim(struct tcp *tcp, struct connection *c, struct segment *s)
{
	uint32_t edge = c->rcv_adv;

	if (seq_lt(s->seq, c->rcv_nxt)) {
		uint32_t before = c->rcv_nxt - s->seq;

		/* check_sequence() has seen that something lies at rcv_nxt or behind. */
		ASSERT(before <= s->len);
		if (before > 0)
			segment_repeats(s, s->seq, c->rcv_nxt);
		s->seq += before;
		s->payload += before;
		s->len -= before;
	}
	/* Nothing can follow a FIN. */
	if ((c->flags & C_PEER_FIN) && seq_lt(c->fin_seq, edge))
		edge = c->fin_seq;
	if (seq_gt(s->seq + s->len, edge)) {
		s->len = seq_lt(s->seq, edge) ? edge - s->seq : 0;
		s->flags &= (uint8_t)~SEGMENT_FIN;
		tcp->stats.window_dropped++;
		c->flags |= C_ACK_NOW;
		tcp_connection_touch(tcp, c);
	}
}

/* Before the turn ends. */
static void ack_owe(struct tcp *tcp, struct connection *c)
{
	if (c->flags & C_ACK_NOW)
		tcp->stats.acks_coalesced++;
	if (c->quick > 0)
		c->quick--;
	c->flags |= C_ACK_NOW;
	tcp_connection_touch(tcp, c);
}

/*
 * Beyond a gap: at once, and for each segment, where the peer counts duplicates and grows its
 * window by them. Where it reads blocks, three are enough to start its recovery; then what only
 * makes the newest run longer is said once for all that a turn brings.
 */
static void ack_duplicate(struct tcp *tcp, struct connection *c)
{
	struct runs *runs = c->runs;

	if (runs != NULL && (c->flags & C_SACK) && runs->grown &&
	    runs->duplicates >= TCP_DUPLICATES) {
		ack_owe(tcp, c);
		return;
	}
	if (runs != NULL && runs->duplicates < TCP_DUPLICATES)
		runs->duplicates++;
	tcp_ack_send(tcp, c);
}

/*
 * When to acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2). A short or pushed segment ends a request,
 * whose sender may wait for it: with the answer, or without one at the end of this turn,
 * never by timer; so what fills a gap. Else every second full segment, and the odd one by timer.
 */
static void ack_schedule(struct tcp *tcp, struct connection *c, const struct segment *s, bool gap)
{
	if (s->len > c->rcv_mss)
		c->rcv_mss = s->len < UINT16_MAX ? (uint16_t)s->len : UINT16_MAX;
	if (s->repeated.start != s->repeated.end)
		tcp_repeat_send(tcp, c, &s->repeated);
	else if (seq_gt(s->seq, c->rcv_nxt))
		ack_duplicate(tcp, c);
	else if (gap || (s->flags & SEGMENT_PSH) || s->len < c->rcv_mss ||
		 c->rcv_nxt - c->rcv_acked >= 2U * c->rcv_mss || c->quick > 0)
		ack_owe(tcp, c);
	else if (c->deadline_ns[TIMER_ACK] == 0)
		tcp_timer_set(tcp, c, TIMER_ACK, tcp->now_ns + TCP_DELAYED_ACK_MS * tcp_ms);
}

static void data_take(struct tcp *tcp, struct connection *c, struct segment *s)
{
	bool gap = tcp_receive_gap(c);

	if (c->flags & C_ECN)
		tcp_ecn_arrived(tcp, c, s);
	if (seq_gt(s->seq, c->rcv_nxt))
		tcp->stats.out_of_order++;
	if (tcp_receive(tcp, c, s))
		tcp_application_want(tcp, c);
	tcp_window_measure(tcp, c, s);
	ack_schedule(tcp, c, s, gap);
}

/* RFC 9293 3.10.7.4, eighth: the peer's FIN is next in order. */
static void fin_take(struct tcp *tcp, struct connection *c)
{
	c->rcv_nxt++;
	/* It may stand at the edge of a closed window, which it takes nothing of. */
	if (seq_lt(c->rcv_adv, c->rcv_nxt))
		c->rcv_adv = c->rcv_nxt;
	c->flags |= C_ACK_NOW;
	tcp_connection_touch(tcp, c);
	switch (c->state) {
	case ESTABLISHED:
		tcp_connection_turn(tcp, c, CLOSE_WAIT);
		tcp_application_end(tcp, c);
		break;
	case FIN_WAIT_1:
		tcp_connection_turn(tcp, c, CLOSING);
		break;
	case FIN_WAIT_2:
		time_wait(tcp, c);
		break;
	default:
		break;
	}
}

/* Where the peer's stream ends. A FIN in front of bytes that are here already lies, for nothing
 * can follow one. */
static void fin_note(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	if (seq_lt(s->seq + s->len, tcp_receive_end(c))) {
		tcp->stats.malformed++;
		return;
	}
	c->flags |= C_PEER_FIN;
	c->fin_seq = s->seq + s->len;
}

/* Payload and FIN. */
static void text_take(struct tcp *tcp, struct connection *c, struct segment *s)
{
	if (c->state != ESTABLISHED && c->state != FIN_WAIT_1 && c->state != FIN_WAIT_2) {
		tcp->stats.text_ignored += segment_end(s) != s->seq;
		return;
	}
	trim(tcp, c, s);
	if ((s->flags & SEGMENT_FIN) && !(c->flags & C_PEER_FIN))
		fin_note(tcp, c, s);
	if (s->len > 0)
		data_take(tcp, c, s);
	if ((c->flags & C_PEER_FIN) && c->rcv_nxt == c->fin_seq)
		fin_take(tcp, c);
	else if (s->flags & SEGMENT_FIN && s->len == 0)
		tcp_ack_send(tcp, c);
}

/*
 * Header prediction (Jacobson, 1990): the next segment in order of a connection in which
 * nothing is wrong. It needs none of the checks below, for they would all pass.
 */
static bool predicted(const struct connection *c, const struct segment *s)
{
	return c->state == ESTABLISHED && (s->flags & ~SEGMENT_PSH) == SEGMENT_ACK &&
	       s->seq == c->rcv_nxt && (c->pieces == NULL || s->len == 0) &&
	       s->len <= c->rcv_adv - c->rcv_nxt && !(c->flags & (C_RECOVERY | C_PEER_FIN)) &&
	       c->waits != WAIT_WINDOW && s->ack - c->snd_una <= tcp_flight(c) &&
	       (s->ack != c->snd_una || s->len > 0) &&
	       (!(c->flags & C_TIMESTAMPS) ||
		(s->options.timestamps && seq_ge(s->options.value, c->ts_recent)));
}

void tcp_established_take(struct tcp *tcp, struct connection *c, struct segment *s)
{
	c->heard_ns = tcp->now_ns;
	timestamp_take(c, s);
	ack_take(tcp, c, s);
	if (fin_acked(c) && close_step(tcp, c))
		return;
	text_take(tcp, c, s);
}

void tcp_established_input(struct tcp *tcp, struct connection *c, struct segment *s)
{
	s->window <<= c->snd_shift;
	if (predicted(c, s)) {
		tcp->stats.header_prediction++;
		c->heard_ns = tcp->now_ns;
		timestamp_take(c, s);
		ack_take(tcp, c, s);
		if (s->len > 0)
			data_take(tcp, c, s);
		return;
	}
	if (check_timestamps(tcp, c, s) == DROP || check_sequence(tcp, c, s) == DROP ||
	    check_flags(tcp, c, s) == DROP || check_handshake(tcp, c, s) == DROP ||
	    check_ack(tcp, c, s) == DROP)
		return;
	tcp_established_take(tcp, c, s);
}
