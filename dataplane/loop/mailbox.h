/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other cores send to a core: frames of connections it owns, and neighbours they learnt.
 * Two bounded rings, many posters, one reader. A full ring drops, as a wire would, and the
 * poster counts it; TCP retransmits, ARP asks again.
 */
#ifndef LOOP_MAILBOX_H
#define LOOP_MAILBOX_H

#include "bell.h"
#include "net.h"

struct rte_ring;

enum loop_mailbox_limits {
	/* Sixteen bursts: a core that falls further behind would not catch up either. */
	LOOP_FRAMES_MAX = 16 * PORT_BURST_MAX,
	LOOP_NEIGHBOURS_MAX = 256,
};

struct loop_frame {
	struct port *port; /* it came from */
	struct rte_mbuf *frame;
};

struct loop_mailbox {
	struct rte_ring *frames;     /* of struct loop_frame */
	struct rte_ring *neighbours; /* of struct net_neighbour */
	struct loop_bell *bell;	     /* of the core that reads */
};

/* 0 or -ENOMEM. `bell` must outlive it. */
int loop_mailbox_open(struct loop_mailbox *mailbox, struct loop_bell *bell, int socket);
/* Frees the frames that nobody read. */
void loop_mailbox_close(struct loop_mailbox *mailbox);

/* Any core. Consumes every frame; returns how many were dropped. */
unsigned loop_mailbox_put_frames(struct loop_mailbox *mailbox, const struct loop_frame *frames,
				 unsigned n);
/* Any core. False: dropped. */
bool loop_mailbox_put_neighbour(struct loop_mailbox *mailbox,
				const struct net_neighbour *neighbour);

/* The core that owns the mailbox. Up to `n` frames, all from the same *port_r; how many. */
unsigned loop_mailbox_frames(struct loop_mailbox *mailbox, struct port **port_r,
			     struct rte_mbuf **frames_r, unsigned n);
bool loop_mailbox_neighbour(struct loop_mailbox *mailbox, struct net_neighbour *neighbour_r);
bool loop_mailbox_empty(const struct loop_mailbox *mailbox);

#endif
