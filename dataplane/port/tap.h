/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cores' side of a tap (port.h). A port without one, or whose tap is idle, pays one load and
 * one comparison a burst.
 */
#ifndef PORT_TAP_H
#define PORT_TAP_H

#include <rte_branch_prediction.h>

#include "port.h"

enum tap_direction { TAP_IN, TAP_OUT };

struct port_tap {
	/* What to take; NULL: nothing. Published with release by port_tap_start(); pairs with the
	 * acquire in tap_filter(). */
	const struct port_tap_filter *filter;
	/* The next start takes the other one, so a core that still holds the last is not hurt. */
	struct port_tap_filter filters[2];
	unsigned starts;
	uint64_t dropped; /* relaxed additions by any core */
	uint64_t written;
	struct rte_mempool *copies;
	struct rte_ring *ring;
	struct rte_pcapng *file; /* NULL: idle */
};

/* The filter of a tap that captures now, else NULL. `tap` may be NULL. */
static inline const struct port_tap_filter *tap_filter(const struct port_tap *tap)
{
	if (likely(tap == NULL))
		return NULL;
	return __atomic_load_n(&tap->filter, __ATOMIC_ACQUIRE);
}

/* Copies those of the frames that the filter takes. */
void tap_take(struct port_tap *tap, const struct port_tap_filter *filter, uint16_t port_id,
	      unsigned queue, struct rte_mbuf *const *frames, unsigned n,
	      enum tap_direction direction);

#endif
