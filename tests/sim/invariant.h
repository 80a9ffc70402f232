/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of a TCP whatever its peer and the path do: looked at from outside after every
 * call into it, and at every segment it sends. What is wrong goes to the journal.
 */
#ifndef WIREMAP_TESTS_SIM_INVARIANT_H
#define WIREMAP_TESTS_SIM_INVARIANT_H

#include <rte_tcp.h>

#include "journal.h"
#include "tcp.h"

struct hog;
struct invariant_shadow;
struct invariant_patience;

struct invariant {
	struct journal *journal;
	const char *name;
	struct tcp *tcp;
	/* One for each connection struct. */
	struct invariant_shadow *shadows;
	struct invariant_patience *patience;
	uint64_t timeouts;     /* given up until now */
	unsigned received;     /* segments of the burst that is being taken */
	const struct hog *hog; /* what the simulator holds of the pools */
	uint64_t checks;
};

void invariant_create(struct invariant *invariant, struct tcp *tcp, struct journal *journal,
		      const char *name);
/* After tcp_destroy(): nothing of it is left. */
void invariant_destroy(struct invariant *invariant);

/* A burst of `n` segments is about to be handed in. */
void invariant_receives(struct invariant *invariant, unsigned n);
/* A segment is on its way to the wire; `len` bytes of payload. */
void invariant_sent(struct invariant *invariant, const uint8_t src[16], const uint8_t dst[16],
		    const struct rte_tcp_hdr *header, uint32_t len);
/* After every call. */
void invariant_check(struct invariant *invariant, struct tcp *tcp);
/* At the end of a turn after which nothing is left to do at once. */
void invariant_turn(struct invariant *invariant, struct tcp *tcp);
/* Nothing will ever happen again: no connection, timer, buffer or record is left. */
void invariant_rest(struct invariant *invariant, struct tcp *tcp);

#endif
