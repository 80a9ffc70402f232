/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUBIC (RFC 8312 as RFC 9438 corrects it), in whole bytes and milliseconds. The curve is
 *
 *     W(t) = w_max + C (t - plateau)^3        C = 0.4 segments/s^3
 *
 * where `plateau` is when it reaches w_max, the RFC's t_epoch + K. A window and w_max name one
 * place on it, so a curve that was left, while the application had nothing to say or for a
 * loss that was none, is entered again where the window stands: K is negative beyond w_max.
 */
#include "congestion.h"
#include "scoreboard.h"

enum {
	/* beta_cubic = 0.7, and alpha_cubic = 3 (1 - beta) / (1 + beta) = 9/17. */
	BETA_TENTHS = 7,
	ALPHA = 9,
	ALPHA_OF = 17,
	/* 1/C in milliseconds: (t ms)^3 / 2,500,000 is thousandths of a segment. */
	CUBE_PER_MILLI = 2500000,
	MILLI = 1000,
	/* From there on the curve is above every window, for the least of MSS. */
	SPAN_MS = 1 << 18,
};

/* Rounded down; three bits of x give one of the root. */
static uint32_t cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (int shift = 63; shift >= 0; shift -= 3) {
		uint64_t step; /* (root + 1)^3 - root^3 */

		root *= 2;
		step = 3 * root * (root + 1) + 1;
		if (x >> shift >= step) {
			x -= step << shift;
			root++;
		}
	}
	return (uint32_t)root;
}

/* RFC 9438 4.2: how long from here to w_max. */
static uint32_t plateau_of(const struct connection *c, uint32_t now_ms)
{
	bool below = c->cwnd < c->w_max;
	uint64_t bytes = below ? c->w_max - c->cwnd : c->cwnd - c->w_max;
	uint32_t k_ms = cube_root(bytes * CUBE_PER_MILLI * MILLI / c->mss);

	return below ? now_ms + k_ms : now_ms - k_ms;
}

/* W_cubic(t). */
static uint32_t curve(const struct connection *c, uint32_t at_ms)
{
	int64_t t = (int32_t)(at_ms - c->avoid.plateau_ms), window;

	if (t > SPAN_MS)
		t = SPAN_MS;
	if (t < -SPAN_MS)
		t = -SPAN_MS;
	window = c->w_max + t * t * t / CUBE_PER_MILLI * c->mss / MILLI;
	if (window < 0)
		return 0;
	return window < TCP_CWND_MAX ? (uint32_t)window : TCP_CWND_MAX;
}

/* The first acknowledgement of a stage, or of its continuation. After a timeout and after a slow
 * start that nothing ended the stage begins on the plateau (RFC 9438 4.8, 4.10). */
static void stage_run(struct connection *c, uint32_t now_ms)
{
	if (c->avoid.reno == 0 && c->w_max < c->cwnd)
		c->w_max = c->cwnd;
	if (c->avoid.reno == 0 || c->avoid.reno > c->cwnd)
		c->avoid.reno = c->cwnd;
	c->avoid.plateau_ms = plateau_of(c, now_ms);
	c->avoid.running = true;
}

/* RFC 8312 4.2: what Reno's window would be, by the bytes acknowledged. It grows slower, for it is
 * reduced by less. RFC 9438 4.3 would have it grow like Reno from where the last reduction was;
 * Linux does not, and loses its share to who does (docs/decisions.md). */
static void reno_grow(struct connection *c, uint32_t bytes)
{
	uint32_t need = (uint32_t)((uint64_t)c->cwnd * ALPHA_OF / ALPHA);

	c->avoid.acked += bytes;
	if (c->avoid.acked < need)
		return;
	c->avoid.acked -= need;
	c->avoid.reno += c->mss;
}

static void cubic_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	uint32_t bytes = ack->bytes < c->cwnd ? ack->bytes : c->cwnd, target;

	if (!c->avoid.running)
		stage_run(c, tcp->now_ms);
	reno_grow(c, bytes);
	if (curve(c, tcp->now_ms) < c->avoid.reno) {
		if (c->cwnd < c->avoid.reno)
			c->cwnd = c->avoid.reno;
		return;
	}
	/* Concave and convex (4.4, 4.5): towards where the curve is a round trip from now. */
	target = curve(c, tcp->now_ms + c->srtt_us / 1000);
	if (target > c->cwnd + c->cwnd / 2)
		target = c->cwnd + c->cwnd / 2;
	if (target > c->cwnd)
		c->cwnd += (uint32_t)((uint64_t)(target - c->cwnd) * bytes / c->cwnd);
}

static void undo_keep(struct connection *c)
{
	struct scoreboard *board = c->scoreboard;

	board->undo.w_max = c->w_max;
	/* Before the first loss `avoid` is not in use. */
	board->undo.reno = c->ssthresh == TCP_CWND_MAX ? 0 : c->avoid.reno;
}

/* RFC 9438 4.6, with fast convergence (4.7): who had more before gives room to who comes. */
static uint32_t cubic_reduced(struct tcp *tcp, struct connection *c, enum congestion_event event)
{
	uint32_t used = tcp_congestion_used(c);
	uint32_t reduced = (uint32_t)((uint64_t)used * BETA_TENTHS / 10);

	(void)tcp;
	if (c->scoreboard != NULL)
		undo_keep(c);
	c->avoid = (struct avoidance){0};
	if (event == CONGESTION_TIMEOUT)
		c->w_max = 0;
	else if (used < c->w_max)
		c->w_max = (uint32_t)((uint64_t)used * (10 + BETA_TENTHS) / 20);
	else
		c->w_max = used;
	return reduced > 2U * c->mss ? reduced : 2U * c->mss;
}

/* RFC 9438 4.9: on, from where the window stands on the curve of before. */
static void cubic_undone(struct tcp *tcp, struct connection *c)
{
	const struct scoreboard *board = c->scoreboard;

	(void)tcp;
	c->w_max = board->undo.w_max;
	c->avoid = (struct avoidance){.reno = board->undo.reno};
}

static void cubic_paused(struct tcp *tcp, struct connection *c)
{
	(void)tcp;
	c->avoid.running = false;
}

const struct congestion tcp_cubic = {cubic_acked, cubic_reduced, cubic_undone, cubic_paused};
