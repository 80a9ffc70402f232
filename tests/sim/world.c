/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <string.h>

enum {
	TURNS_MAX = 20000000,
	TURN_NS = 1000, /* a turn after which there is more to do takes time, too */
};

static void clock_step(struct clock *clock)
{
	clock->mono_ns += ((struct world *)clock)->step_ns;
}

void world_create(struct world *world, uint64_t seed, bool loud, uint64_t start_ns)
{
	memset(world, 0, sizeof(*world));
	world->clock = (struct clock){.mono_ns = start_ns, .refresh = clock_step};
	world->seed = seed;
	world->random = (struct random){random_mix(seed)};
	world->journal =
		(struct journal){.clock = &world->clock, .start_ns = start_ns, .loud = loud};
}

void world_link(struct world *world, const struct link_config *config)
{
	link_create(&world->link, &world->clock, &world->journal, random_split(&world->random),
		    config);
}

static uint64_t next_ns(const struct world *world, const struct world_script *script)
{
	uint64_t first_ns = script->next_ns(script), link_ns = link_next_ns(&world->link);

	if (link_ns < first_ns)
		first_ns = link_ns;
	for (unsigned i = 0; i < world->hosts_n; i++)
		if (host_next_ns(&world->hosts[i]) < first_ns)
			first_ns = host_next_ns(&world->hosts[i]);
	return first_ns;
}

/* One turn of everybody. True: something is left to do now. */
static bool turn(struct world *world, struct world_script *script)
{
	bool more = false;

	world->turns++;
	if (script->next_ns(script) <= world->clock.mono_ns)
		script->happen(script, world);
	for (unsigned i = 0; i < world->hosts_n; i++)
		more |= host_turn(&world->hosts[i]);
	planted_commit(world);
	return more;
}

void world_run(struct world *world, struct world_script *script, bool cut)
{
	while (!world->journal.failed) {
		uint64_t time_ns;

		if (world->turns >= TURNS_MAX)
			journal_fail(&world->journal, "too many turns");
		if (turn(world, script)) {
			world->clock.mono_ns += TURN_NS;
			continue;
		}
		time_ns = next_ns(world, script);
		if (time_ns == UINT64_MAX)
			return;
		if (time_ns > world->limit_ns) {
			if (!cut)
				journal_fail(&world->journal, "no end in bounded time");
			return;
		}
		world->clock.mono_ns =
			time_ns > world->clock.mono_ns ? time_ns : world->clock.mono_ns + TURN_NS;
		world->clock.wall_s = (int64_t)(world->clock.mono_ns / 1000000000);
	}
}

void world_destroy(struct world *world)
{
	for (unsigned i = 0; i < world->hosts_n; i++)
		host_destroy(&world->hosts[i]);
	link_destroy(&world->link);
}
