/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Congestion control: how the window grows and shrinks. What was lost and what to send
 * again is recovery.c's; an algorithm here only answers with windows, in bytes.
 */
#ifndef WIREMAP_TCP_CONGESTION_H
#define WIREMAP_TCP_CONGESTION_H

#include "state.h"

struct congestion {
	/* `bytes` were newly acknowledged outside of recovery, with the window in full use. */
	void (*acked)(struct connection *c, uint32_t bytes);
	/* A loss was seen: what ssthresh becomes. */
	uint32_t (*reduced)(const struct connection *c);
};

/* The algorithm of this configuration, or NULL: there is none. */
const struct congestion *tcp_congestion_find(enum tcp_congestion which);

/* The first window (RFC 6928), once the MSS is known. */
void tcp_congestion_start(struct connection *c);
/* Nothing is in flight: after an RTO of silence the window is the first one again (RFC 5681
 * 4.1), for nobody knows what the path does now. */
void tcp_congestion_idle(const struct tcp *tcp, struct connection *c);

#endif
