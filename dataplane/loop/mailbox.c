/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox.h"

#include <errno.h>
#include <rte_mbuf.h>
#include <rte_ring_peek.h>

#include "ring.h"

static_assert(sizeof(struct loop_frame) % 4 == 0 && sizeof(struct net_neighbour) % 4 == 0,
	      "rte_ring copies words");

int loop_mailbox_open(struct loop_mailbox *mailbox, struct loop_bell *bell, int socket)
{
	mailbox->bell = bell;
	/* The reader peeks, which needs its end of the ring in single-consumer mode. */
	mailbox->frames =
		loop_ring_create(sizeof(struct loop_frame), LOOP_FRAMES_MAX, RING_F_SC_DEQ, socket);
	mailbox->neighbours = loop_ring_create(sizeof(struct net_neighbour), LOOP_NEIGHBOURS_MAX,
					       RING_F_SC_DEQ, socket);
	if (mailbox->frames != NULL && mailbox->neighbours != NULL)
		return 0;
	loop_mailbox_close(mailbox);
	return -ENOMEM;
}

void loop_mailbox_close(struct loop_mailbox *mailbox)
{
	struct loop_frame left;

	while (mailbox->frames != NULL &&
	       rte_ring_sc_dequeue_elem(mailbox->frames, &left, sizeof(left)) == 0)
		rte_pktmbuf_free(left.frame);
	loop_ring_destroy(&mailbox->frames);
	loop_ring_destroy(&mailbox->neighbours);
}

unsigned loop_mailbox_put_frames(struct loop_mailbox *mailbox, const struct loop_frame *frames,
				 unsigned n)
{
	unsigned taken =
		rte_ring_mp_enqueue_burst_elem(mailbox->frames, frames, sizeof(*frames), n, NULL);

	for (unsigned k = taken; k < n; k++)
		rte_pktmbuf_free(frames[k].frame);
	if (taken > 0)
		loop_bell_ring(mailbox->bell);
	return n - taken;
}

bool loop_mailbox_put_neighbour(struct loop_mailbox *mailbox, const struct net_neighbour *neighbour)
{
	struct net_neighbour copy = *neighbour; /* rte_ring takes no const */

	if (rte_ring_mp_enqueue_elem(mailbox->neighbours, &copy, sizeof(copy)) != 0)
		return false;
	loop_bell_ring(mailbox->bell);
	return true;
}

unsigned loop_mailbox_frames(struct loop_mailbox *mailbox, struct port **port_r,
			     struct rte_mbuf **frames_r, unsigned n)
{
	struct loop_frame burst[PORT_BURST_MAX];
	unsigned found, same = 0;

	if (n > PORT_BURST_MAX)
		n = PORT_BURST_MAX;
	found = rte_ring_dequeue_burst_elem_start(mailbox->frames, burst, sizeof(burst[0]), n,
						  NULL);
	if (found == 0)
		return 0;
	*port_r = burst[0].port;
	while (same < found && burst[same].port == *port_r) {
		frames_r[same] = burst[same].frame;
		same++;
	}
	rte_ring_dequeue_elem_finish(mailbox->frames, same);
	return same;
}

bool loop_mailbox_neighbour(struct loop_mailbox *mailbox, struct net_neighbour *neighbour_r)
{
	return rte_ring_sc_dequeue_elem(mailbox->neighbours, neighbour_r, sizeof(*neighbour_r)) ==
	       0;
}

bool loop_mailbox_empty(const struct loop_mailbox *mailbox)
{
	return rte_ring_empty(mailbox->frames) && rte_ring_empty(mailbox->neighbours);
}
