/* SPDX-License-Identifier: Apache-2.0 */
#include "kind.h"

#include <string.h>

#include "world.h"

static void coverage_add(struct kind_coverage *coverage, const struct world *world)
{
	struct tcp_stats stats;

	coverage->runs++;
	coverage->virtual_ms += world_ms(world);
#define ADD(name) coverage->tcp.name += stats.name;
	for (unsigned i = 0; i < world->hosts_n; i++) {
		coverage->checks += world->hosts[i].invariant.checks;
		tcp_stats(world->hosts[i].tcp, &stats);
		TCP_COUNTERS(ADD)
	}
#undef ADD
#define ADD(name) coverage->link.name += world->link.stats.name;
	LINK_COUNTERS(ADD)
#undef ADD
}

bool kind_finish(struct kind_run *run, struct world *world)
{
	coverage_add(run->coverage, world);
	if (!world->journal.failed)
		world_destroy(world);
	memcpy(run->wrong, world->journal.wrong, sizeof(run->wrong));
	return !world->journal.failed;
}
