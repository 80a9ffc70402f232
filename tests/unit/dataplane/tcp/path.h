/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Congestion control by itself: a connection that sends whatever its window takes over a path
 * with a fixed round trip. No segment is made; what is acknowledged is told round trip by round
 * trip, two segments at a time, as a receiver with delayed acknowledgements would.
 */
#ifndef WIREMAP_TESTS_TCP_PATH_H
#define WIREMAP_TESTS_TCP_PATH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "congestion.h"
#include "scoreboard.h"

enum { MSS = 1460 };

struct path {
	struct tcp tcp;
	struct connection c;
	struct scoreboard board; /* for what is undone */
	uint32_t rtt_us;	 /* of the next acknowledgements */
};

static inline void path_begin(struct path *path, enum tcp_congestion which, uint32_t rtt_us)
{
	*path = (struct path){.rtt_us = rtt_us};
	path->tcp.congestion = tcp_congestion_find(which);
	path->tcp.now_ns = 5000000000;
	path->tcp.now_ms = 5000;
	path->c.mss = MSS;
	path->c.scoreboard = &path->board;
	path->c.snd_una = path->c.snd_nxt = path->c.recover = 0xfffff000; /* wraps soon */
	path->c.srtt_us = rtt_us;
	path->c.rto_us = 200000;
	tcp_congestion_start(&path->tcp, &path->c);
}

static inline void path_wait(struct path *path, uint64_t us)
{
	path->tcp.now_ns += us * 1000;
	path->tcp.now_ms = (uint32_t)(path->tcp.now_ns / 1000000);
}

/* Fills the window. */
static inline void path_fill(struct path *path)
{
	uint32_t end = path->c.snd_una + path->c.cwnd / MSS * MSS;

	if (seq_gt(end, path->c.snd_nxt))
		path->c.snd_nxt = end;
	path->c.sent_ns = path->tcp.now_ns;
	tcp_congestion_full(&path->c);
}

/* One acknowledgement of `bytes`. */
static inline void path_ack(struct path *path, uint32_t bytes)
{
	struct congestion_ack ack = {bytes, tcp_flight(&path->c), path->rtt_us};

	path->c.snd_una += bytes;
	tcp_congestion_acked(&path->tcp, &path->c, &ack);
}

/* A round trip with the window in full use; time passes evenly between acknowledgements. */
static inline void path_round(struct path *path)
{
	uint32_t flight, acks;

	path_fill(path);
	flight = tcp_flight(&path->c);
	acks = (flight + 2 * MSS - 1) / (2 * MSS);
	for (uint32_t i = 0, at = 0; i < acks; i++) {
		uint32_t bytes = flight - at < 2 * MSS ? flight - at : 2 * MSS;

		path_wait(path, (uint64_t)path->rtt_us * (i + 1) / acks -
					(uint64_t)path->rtt_us * i / acks);
		path_ack(path, bytes);
		at += bytes;
		path_fill(path);
	}
}

/* Everything is acknowledged, and nothing of it grows the window. */
static inline void path_drain(struct path *path)
{
	path->c.snd_una = path->c.snd_nxt;
}

/* A loss that recovery has dealt with. */
static inline void path_lose(struct path *path, enum congestion_event event)
{
	tcp_congestion_reduce(&path->tcp, &path->c, event);
	path->c.cwnd = event == CONGESTION_TIMEOUT ? MSS : path->c.ssthresh;
	path->c.snd_una = ++path->c.snd_nxt; /* a window begins */
}

#endif
