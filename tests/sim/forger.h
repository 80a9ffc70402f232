/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attacker who does not see the path and forges packets of the others: resets, SYNs, data and
 * acknowledgements at guessed places, ICMP errors, SYNs of strangers. Its guesses are much better
 * than chance, but never the one that RFC 5961 must believe.
 */
#ifndef WIREMAP_TESTS_SIM_FORGER_H
#define WIREMAP_TESTS_SIM_FORGER_H

#include "random.h"

struct world;

struct forger {
	struct world *world;
	struct random random;
	uint64_t next_ns, every_ns;
	unsigned left;
};

/* Some seeds have one; after the world's hosts. */
void forger_create(struct forger *forger, struct world *world, struct random random);
uint64_t forger_next_ns(const struct forger *forger);
void forger_happen(struct forger *forger);

#endif
