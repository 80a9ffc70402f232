/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the simulator: a seed, a virtual clock, the link and the hosts at its ends. A script
 * (what happens when, one for each kind of run) is embedded by its kind.
 */
#ifndef WIREMAP_TESTS_SIM_WORLD_H
#define WIREMAP_TESTS_SIM_WORLD_H

#include "host.h"
#include "planted.h"

struct world;

struct world_script {
	/* When the script has something to do next; UINT64_MAX: never. */
	uint64_t (*next_ns)(const struct world_script *script);
	/* Does what is due. */
	void (*happen)(struct world_script *script, struct world *world);
};

struct world {
	struct clock clock; /* first */
	uint64_t seed;
	uint64_t step_ns; /* by which the clock moves each time it is read */
	uint64_t limit_ns;
	struct random random;
	struct journal journal;
	struct link link;
	struct host hosts[2];
	unsigned hosts_n;
	enum planted planted;
	uint64_t turns;
};

/* Nothing but clock, journal and generator. `start_ns` > 0 is when the clock starts. */
void world_create(struct world *world, uint64_t seed, bool loud, uint64_t start_ns);
/* The link; hosts are host_create()'s. */
void world_link(struct world *world, const struct link_config *config);
/* Goes on until nothing will ever happen again, something is wrong, or time is over, which is wrong
 * unless `cut`. */
void world_run(struct world *world, struct world_script *script, bool cut);
/* Looks whether anything is left, and destroys the rest. */
void world_destroy(struct world *world);

static inline uint64_t world_ms(const struct world *world)
{
	return (world->clock.mono_ns - world->journal.start_ns) / 1000000;
}

#endif
