/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What size a path takes, when nobody says it: two of our TCPs, one connection. In a third of the
 * seeds packets are lost at random, large and small alike, and no MSS may be lowered; in the others
 * those above a size vanish for good, from the start or from a moment on, nothing else is lost, and
 * all must get through within a few timeouts.
 */
#include <string.h>

#include "check.h"
#include "faults.h"
#include "kind.h"
#include "state.h"
#include "talker.h"
#include "world.h"

enum {
	PORT = 143,
	PORT_FIRST = 20000,
	MTU = 1500,
	HOLE_MIN = 576, /* what every host takes (RFC 791) */
	/* Of one side: the second of a series tries a smaller segment, the third a smaller one, and
	 * that three times over: seven. As many again for a tail, a probe, what was SACKed before
	 * the path shrank; and where acknowledgements vanish with full segments of the peer's. */
	TIMEOUTS_MAX = 21,
};

static const uint64_t ms = 1000000, second = 1000000000;

struct hole {
	struct world_script script; /* first */
	struct stream_app app;	    /* of host 1 */
	struct talker talkers[2];
	bool opened;
	bool random_loss;
	struct world world;
};

static struct hole hole;

static uint64_t hole_next_ns(const struct world_script *script)
{
	(void)script;
	return hole.opened ? UINT64_MAX : hole.world.clock.mono_ns;
}

static void hole_happen(struct world_script *script, struct world *world)
{
	struct host *host = &world->hosts[0];
	struct talker *talker = &hole.talkers[0];

	(void)script;
	hole.opened = true;
	ASSERT(tcp_connect(host->tcp, host->addr, PORT_FIRST, host->peer, PORT, &talker->app,
			   talker_failed, &talker->ref) == 0);
	talker->transport = tcp_transport(host->tcp);
}

static int hole_open(struct stream_app *app, struct stream_transport *transport,
		     struct stream_ref ref, const struct stream_info *info,
		     struct stream_session **session_r)
{
	(void)app;
	(void)info;
	return talker_open(&hole.talkers[1], transport, ref, session_r);
}

static struct link_config link_draw(struct random *random, uint64_t now_ns)
{
	struct link_config config = {.mtu = MTU, .quiet_ns = UINT64_MAX, .black_hole = true};
	uint64_t delay_ns = random_below(random, random_once(random, 3) ? 150 * ms : 20 * ms);

	for (unsigned i = 0; i < 2; i++)
		config.paths[i] = (struct link_path){
			.bytes_per_ms = random_once(random, 2) ? 0 : 12500,
			.queue_bytes = 4 << 20,
			.delay_ns = delay_ns,
		};
	if (random_once(random, 3))
		config.box = (struct middlebox_config){.strip_kind = PACKET_SACK_PERMITTED,
						       .strip_where = BOX_SYN};
	config.mtu_ns = UINT64_MAX;
	if (hole.random_loss) {
		for (unsigned i = 0; i < 2; i++)
			config.paths[i].loss = (unsigned)random_between(random, 100, 500);
	} else {
		config.mtu_later = (uint32_t)random_between(random, HOLE_MIN, MTU - 1);
		config.mtu_ns = now_ns;
		if (random_once(random, 2))
			config.mtu_ns += random_below(random, 2 * second);
	}
	return config;
}

static void talkers_create(struct random *random)
{
	uint64_t bytes[2];

	for (unsigned i = 0; i < 2; i++)
		bytes[i] = random_between(random, 1, 1ULL << random_between(random, 10, 20));
	if (random_once(random, 3))
		bytes[1] = bytes[0];
	for (unsigned i = 0; i < 2; i++) {
		struct talker *talker = &hole.talkers[i];

		talker_create(talker, &hole.world.journal, i == 0 ? "a" : "b",
			      random_split(random));
		talker->send_key = hole.world.seed + i;
		talker->receive_key = hole.world.seed + !i;
		talker->send_bytes = bytes[i];
		talker->receive_bytes = bytes[!i];
		talker->peer_sent = &hole.talkers[!i].sent;
		talker->closes = i == 0;
	}
	hole.talkers[1].echo = bytes[0] == bytes[1];
}

static void hole_create(struct kind_run *run)
{
	static const struct stream_app_ops ops = {.open = hole_open};
	struct random random = {random_mix(run->seed ^ 0x686f6c65)};
	struct world *world = &hole.world;
	struct link_config link;

	world_create(world, run->seed, run->loud, second + random_below(&random, 1ULL << 50));
	hole.script = (struct world_script){hole_next_ns, hole_happen};
	hole.app.ops = &ops;
	hole.opened = false;
	hole.random_loss = random_once(&random, 3);
	link = link_draw(&random, world->clock.mono_ns);
	world->planted = run->planted;
	world_link(world, &link);
	talkers_create(&random);
	world->hosts_n = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct host_config config = faults_host(&random, 1, MTU);

		config.hog_left = 0;
		config.tcp.path_mtu_probing = true;
		host_create(&world->hosts[i], &world->link, &world->clock, random_split(&random), i,
			    &config);
	}
	ASSERT(tcp_listen(world->hosts[1].tcp, world->hosts[1].addr, PORT, &hole.app) == 0);
	world->limit_ns = world->clock.mono_ns + 3600 * second;
}

static void side_judge(struct world *world, unsigned side)
{
	const struct talker *talker = &hole.talkers[side];
	struct tcp_stats stats;

	tcp_stats(world->hosts[side].tcp, &stats);
	if (!talker->closed || talker->reason != STREAM_CLOSED || !talker_through(talker))
		journal_fail(&world->journal, "%s did not get through", talker->name);
	if (hole.random_loss && (stats.mtu_black_holes > 0 || stats.path_mtu_lowered > 0))
		journal_fail(&world->journal, "%s takes random loss for a black hole",
			     talker->name);
	if (!hole.random_loss && stats.retransmit_timeout > TIMEOUTS_MAX)
		journal_fail(&world->journal, "%s: %lu timeouts", talker->name,
			     stats.retransmit_timeout);
}

bool kind_hole(struct kind_run *run)
{
	struct world *world = &hole.world;

	hole_create(run);
	world_run(world, &hole.script, false);
	for (unsigned i = 0; i < 2; i++) {
		side_judge(world, i);
		invariant_rest(&world->hosts[i].invariant, world->hosts[i].tcp);
	}
	return kind_finish(run, world);
}
