/* SPDX-License-Identifier: Apache-2.0 */
#include "congestion.h"

#include "hystart.h"
#include "scoreboard.h"

enum {
	/* Of segments that one acknowledgement counts for in slow start (RFC 3465 2.3, 2.2). The
	 * repeated may be acknowledged in one leap that says nothing about the path. */
	COUNTED = 2,
	COUNTED_REPEATED = 1,
};

static uint32_t initial_window(const struct connection *c)
{
	uint32_t bytes = TCP_INITIAL_BYTES > 2 * c->mss ? TCP_INITIAL_BYTES : 2 * c->mss;

	return TCP_INITIAL_SEGMENTS * c->mss < bytes ? TCP_INITIAL_SEGMENTS * c->mss : bytes;
}

static bool nothing_known(const struct connection *c)
{
	return c->ssthresh == TCP_CWND_MAX;
}

void tcp_congestion_start(struct tcp *tcp, struct connection *c)
{
	(void)tcp;
	c->cwnd = initial_window(c);
	c->ssthresh = TCP_CWND_MAX;
	c->reduced_seq = c->snd_una - 1;
	tcp_hystart_begin(c);
}

/* RFC 5681 3.1, by bytes. It ends at ssthresh, not beyond. */
static void slow_start(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	uint32_t most = (seq_lt(c->snd_una, c->recover) ? COUNTED_REPEATED : COUNTED) * c->mss;

	if (nothing_known(c)) {
		c->cwnd += tcp_hystart_acked(tcp, c, ack);
		return;
	}
	c->cwnd += ack->bytes < most ? ack->bytes : most;
	if (c->cwnd > c->ssthresh)
		c->cwnd = c->ssthresh;
}

/* Whether this acknowledgement is one of a window in full use. In slow start half of it is
 * enough: the window doubles before the flight does. */
static bool in_full_use(struct connection *c, const struct congestion_ack *ack)
{
	if ((c->flags & C_CWND_FULL) && seq_gt(c->snd_una, c->full_seq))
		c->flags &= ~(uint32_t)C_CWND_FULL;
	return (c->flags & C_CWND_FULL) || (c->cwnd < c->ssthresh && c->cwnd / 2 < ack->flight);
}

void tcp_congestion_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	if (!in_full_use(c, ack)) {
		if (!nothing_known(c))
			tcp->congestion->paused(tcp, c);
		return;
	}
	if (c->cwnd < c->ssthresh)
		slow_start(tcp, c, ack);
	else
		tcp->congestion->acked(tcp, c, ack);
	if (c->cwnd > TCP_CWND_MAX)
		c->cwnd = TCP_CWND_MAX;
}

bool tcp_congestion_reduce(struct tcp *tcp, struct connection *c, enum congestion_event event)
{
	uint32_t ssthresh = c->ssthresh;

	if (event == CONGESTION_LOSS && seq_lt(c->snd_una, c->reduced_seq))
		return false;
	if (event == CONGESTION_ECN && seq_le(c->snd_una, c->reduced_seq))
		return false;
	c->ssthresh = tcp->congestion->reduced(tcp, c, event);
	if (c->scoreboard != NULL) {
		c->scoreboard->undo.ssthresh = ssthresh;
		/* What a mark says is true. */
		c->scoreboard->undo.cwnd = event == CONGESTION_ECN ? 0 : c->cwnd;
	}
	c->reduced_seq = c->snd_nxt;
	/* For whatever reason (RFC 3168 6.1.2). */
	if (c->flags & C_ECN)
		c->flags |= C_CWR;
	return true;
}

void tcp_congestion_undo(struct tcp *tcp, struct connection *c)
{
	struct scoreboard *board = c->scoreboard;

	if (board == NULL || board->undo.cwnd == 0)
		return;
	c->cwnd = c->cwnd > board->undo.cwnd ? c->cwnd : board->undo.cwnd;
	/* The MSS may have grown meanwhile. */
	c->ssthresh = board->undo.ssthresh > 2U * c->mss ? board->undo.ssthresh : 2U * c->mss;
	board->undo.cwnd = 0;
	c->reduced_seq = c->snd_una - 1;
	if (nothing_known(c))
		tcp_hystart_begin(c);
	else
		tcp->congestion->undone(tcp, c);
}

void tcp_congestion_idle(struct tcp *tcp, struct connection *c)
{
	uint32_t least = initial_window(c), known = c->cwnd - c->cwnd / 4;
	uint64_t rto_ns = c->rto_us * 1000ULL, idle_ns = tcp->now_ns - c->sent_ns;

	if (rto_ns == 0 || idle_ns <= rto_ns)
		return;
	/* Also of a window that is small enough to stay as it is. */
	if (!nothing_known(c))
		tcp->congestion->paused(tcp, c);
	if (c->cwnd <= least)
		return;
	tcp->stats.cwnd_restarts++;
	/* The path has carried that much (RFC 2861 3.1): slow start leads back there. */
	if (!nothing_known(c))
		c->ssthresh = c->ssthresh > known ? c->ssthresh : known;
	for (; idle_ns > rto_ns && c->cwnd > least; idle_ns -= rto_ns)
		c->cwnd /= 2;
	c->cwnd = c->cwnd > least ? c->cwnd : least;
	c->flags &= ~(uint32_t)C_CWND_FULL;
}

const struct congestion *tcp_congestion_find(enum tcp_congestion which)
{
	static const struct congestion *const known[] = {
		[TCP_NEWRENO] = &tcp_newreno,
		[TCP_CUBIC] = &tcp_cubic,
	};

	return (size_t)which < sizeof(known) / sizeof(known[0]) ? known[which] : NULL;
}
