/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Congestion control: how the window grows and shrinks. What was lost, what to send again and the
 * window during recovery (RFC 6937) are recovery.c's; an algorithm here answers with
 * windows, in bytes. It runs outside of recovery, and at the beginning of one.
 */
#ifndef WIREMAP_TCP_CONGESTION_H
#define WIREMAP_TCP_CONGESTION_H

#include "state.h"

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

struct congestion {
	/* The connection is established; cwnd and ssthresh are set. */
	void (*start)(struct tcp *tcp, struct connection *c);
	/* Grows cwnd. C_CWND_FULL tells whether the window was in full use (RFC 9293, RFC 7661). */
	void (*acked)(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack);
	/* What ssthresh becomes; keeps what undone() needs. cwnd is the caller's to change. */
	uint32_t (*reduced)(struct tcp *tcp, struct connection *c, enum congestion_event event);
	/* The last reduction was for nothing (RFC 4015, RFC 8985 7.4, D-SACK): cwnd and ssthresh
	 * are as before it, or better. */
	void (*undone)(struct tcp *tcp, struct connection *c);
	/* The flow was idle, cwnd is about to be used again. */
	void (*resumed)(struct tcp *tcp, struct connection *c);
};

/* The algorithm of this configuration, or NULL: there is none. */
const struct congestion *tcp_congestion_find(enum tcp_congestion which);

/* The first window (RFC 6928), once the MSS is known. */
void tcp_congestion_start(struct tcp *tcp, struct connection *c);
/* Nothing is in flight: after an RTO of silence the window decays (RFC 2861 3.1, RFC 5681 4.1), for
 * nobody knows what the path does now. */
void tcp_congestion_idle(struct tcp *tcp, struct connection *c);

#endif
