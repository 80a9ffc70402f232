/* SPDX-License-Identifier: Apache-2.0 */
/* Nameless bounded rings (rte_ring) on a NUMA node. Control thread; EAL must be initialised. */
#ifndef LOOP_RING_H
#define LOOP_RING_H

#include <rte_ring.h>
#include <rte_ring_elem.h>

/* Holds at least `count` elements of `element_bytes` (a multiple of 4). `flags` are RING_F_*.
 * NULL: no memory. */
struct rte_ring *loop_ring_create(unsigned element_bytes, unsigned count, unsigned flags,
				  int socket);
void loop_ring_destroy(struct rte_ring **ring);

#endif
