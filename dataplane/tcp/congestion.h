/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Congestion control: how the window grows and shrinks. What was lost, what to send again and the
 * window during recovery (RFC 6937) are recovery.c's, which asks the functions here; they know
 * slow start, idleness and what can be undone. An algorithm (newreno.c, cubic.c) knows congestion
 * avoidance. All windows are bytes.
 */
#ifndef WIREMAP_TCP_CONGESTION_H
#define WIREMAP_TCP_CONGESTION_H

#include "state.h"

/* RFC 7323 2.3: no window is larger. As ssthresh: nothing is known of the path yet. */
enum { TCP_CWND_MAX = 1 << 30 };

/* Why a window is reduced. */
enum congestion_event {
	CONGESTION_LOSS,    /* fast recovery begins (RFC 5681 3.2) */
	CONGESTION_ECN,	    /* the peer has seen CE (RFC 3168 6.1.2) */
	CONGESTION_TIMEOUT, /* the first RTO of a series (RFC 5681 3.1) */
};

/* One acknowledgement that delivered something. */
struct congestion_ack {
	uint32_t bytes;	 /* newly acknowledged, cumulatively or by SACK */
	uint32_t flight; /* bytes in the network before it */
	uint32_t rtt_us; /* sample of this acknowledgement, 0: none */
};

/* What an algorithm is asked. */
struct congestion {
	/* Grows cwnd in congestion avoidance; the window is in full use. */
	void (*acked)(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack);
	/* What ssthresh becomes; keeps what undone() needs. */
	uint32_t (*reduced)(struct tcp *tcp, struct connection *c, enum congestion_event event);
	/* The last reduction was for nothing; cwnd and ssthresh are as before it, or larger. */
	void (*undone)(struct tcp *tcp, struct connection *c);
	/* The window is not in full use, or was not while the flow was idle: this time does not
	 * count (RFC 9438 5.8). */
	void (*paused)(struct tcp *tcp, struct connection *c);
};

/* The algorithm of this configuration, or NULL: there is none. */
const struct congestion *tcp_congestion_find(enum tcp_congestion which);
extern const struct congestion tcp_newreno, tcp_cubic;

/* The first window (RFC 6928), once the MSS is known. */
void tcp_congestion_start(struct tcp *tcp, struct connection *c);

/* Grows cwnd, outside of recovery, if the window was in full use. */
void tcp_congestion_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack);

/* Sets ssthresh, once for a window of data (RFC 5681 3.2, RFC 3168 6.1.2) but for a timeout; what
 * cwnd becomes is the caller's. False: it was set in this window already. */
bool tcp_congestion_reduce(struct tcp *tcp, struct connection *c, enum congestion_event event);

/* The last reduction was for nothing (RFC 4015, RFC 5682, D-SACK): cwnd and ssthresh are as before
 * it, or larger. Harmless when there is none to be undone. */
void tcp_congestion_undo(struct tcp *tcp, struct connection *c);

/* Nothing is in flight: for every RTO of silence cwnd halves (RFC 2861 3.1, RFC 5681 4.1), for
 * nobody knows what the path does now. */
void tcp_congestion_idle(struct tcp *tcp, struct connection *c);

/* The window stopped the output: what is in flight now may grow it. */
static inline void tcp_congestion_full(struct connection *c)
{
	c->flags |= C_CWND_FULL;
	c->full_seq = c->snd_nxt;
}

/* What a reduction starts from (RFC 9438 4.6, RFC 7661 4.4.1): the window, unless it was not in
 * use; then what was in flight. In recovery cwnd follows what is delivered (RFC 6937) and the
 * window is what it leads to. */
static inline uint32_t tcp_congestion_used(const struct connection *c)
{
	uint32_t flight = tcp_flight(c), window = c->cwnd;

	if ((c->flags & C_RECOVERY) && window < c->ssthresh)
		window = c->ssthresh;
	return (c->flags & C_CWND_FULL) || flight > window ? window : flight;
}

#endif
