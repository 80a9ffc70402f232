/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include "output.h"
#include "pieces.h"

enum {
	TICK_BITS = 10,	      /* of nanoseconds: near enough to a microsecond, without dividing */
	RTT_UNKNOWN = 100000, /* microseconds; too long a guess makes the window too large only */
	/*
	 * In slow start the peer doubles what it sends in a round trip. The acknowledgements that
	 * let it send carry the window of the round before, which was measured in the one before
	 * that: it must be four times as much not to be felt.
	 */
	GROWTH = 4,
	/* What is offered when memory is out: a command line is taken straight from its packet. */
	WINDOW_LEAST = 4096,
	/* Segments acknowledged without delay at first and after a pause, while the peer's window
	 * is small (Linux: 16). */
	QUICK = 16,
};

static uint32_t ticks(const struct tcp *tcp)
{
	return (uint32_t)(tcp->now_ns >> TICK_BITS);
}

void tcp_window_start(struct tcp *tcp, struct connection *c)
{
	c->rcv_window = tcp_syn_window(tcp);
	c->measure_ticks = ticks(tcp);
	c->quick = QUICK;
}

/* Largest of what we measured as a sender, perhaps long ago, and as a receiver. */
static uint32_t round_trip(const struct connection *c)
{
	uint32_t rcv_us = c->rcv_rtt_ms * 1000U;
	uint32_t rtt = c->srtt_us > rcv_us ? c->srtt_us : rcv_us;

	return rtt > 0 ? rtt : RTT_UNKNOWN;
}

/*
 * The echo of our timestamp in a full segment: a round trip, and for how long the peer had
 * nothing to send. Hence downwards at once and upwards slowly, or a pause would be measured.
 */
static void round_trip_sample(const struct tcp *tcp, struct connection *c, const struct segment *s)
{
	uint32_t ms = tcp_timestamp(tcp, c->ts_offset) - s->options.echo;

	if (ms > TCP_RTO_MAX_MS)
		ms = TCP_RTO_MAX_MS;
	if (c->rcv_rtt_ms == 0 || ms < c->rcv_rtt_ms)
		c->rcv_rtt_ms = (uint16_t)ms;
	else
		c->rcv_rtt_ms = (uint16_t)(c->rcv_rtt_ms + (ms - c->rcv_rtt_ms + 7) / 8);
}

void tcp_window_measure(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	uint32_t now = ticks(tcp), past = now - c->measure_ticks;
	uint32_t bytes = c->rcv_user - c->measure_seq, most = tcp->config.receive_bytes_max;

	if (s->options.timestamps && s->options.echo != 0 && s->len >= c->rcv_mss)
		round_trip_sample(tcp, c, s);
	if (past < round_trip(c))
		return;
	if (past > c->rto_us)
		c->quick = QUICK;
	c->measure_ticks = now;
	c->measure_seq = c->rcv_user;
	/* The edge moves by steps: up to one is not said yet. */
	bytes = bytes < most / GROWTH ? bytes * GROWTH + c->rcv_mss : most;
	if (bytes > most)
		bytes = most;
	if (bytes > c->rcv_window) {
		c->rcv_window = bytes;
		tcp->stats.window_tuned++;
	}
}

uint32_t tcp_window_size(const struct tcp *tcp, const struct connection *c)
{
	uint64_t free = (uint64_t)(tcp->pieces_n - tcp->pieces_held) * PIECE_BYTES / 2;
	uint32_t size = c->rcv_window;

	/* Nobody is offered more than finds room when every second piece of it is nearly empty. */
	if (size > free)
		size = free > WINDOW_LEAST ? (uint32_t)free : WINDOW_LEAST;
	return size;
}

uint32_t tcp_window_edge(const struct tcp *tcp, const struct connection *c)
{
	uint32_t most = tcp_window_size(tcp, c), untaken = tcp_untaken(c);
	uint32_t edge = c->rcv_nxt + (untaken < most ? most - untaken : 0);
	uint32_t step = most / 2 < c->rcv_mss ? most / 2 : c->rcv_mss;

	return seq_ge(edge, c->rcv_adv + step) ? edge : c->rcv_adv;
}
