/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <rte_malloc.h>

/* rte_ring_create() would want a name and a memzone for each; there are as many as cores. */
struct rte_ring *loop_ring_create(unsigned element_bytes, unsigned count, unsigned flags,
				  int socket)
{
	ssize_t bytes = rte_ring_get_memsize_elem(element_bytes, rte_align32pow2(count + 1));
	struct rte_ring *ring;

	if (bytes < 0)
		return NULL;
	ring = rte_zmalloc_socket("loop", (size_t)bytes, RTE_CACHE_LINE_SIZE, socket);
	if (ring != NULL && rte_ring_init(ring, "", count, flags | RING_F_EXACT_SZ) != 0)
		loop_ring_destroy(&ring);
	return ring;
}

void loop_ring_destroy(struct rte_ring **ring)
{
	rte_free(*ring);
	*ring = NULL;
}
