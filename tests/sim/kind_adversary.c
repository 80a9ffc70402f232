/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of our TCPs against a hostile peer (adversary.h). Invariants hold, no byte of a stream is
 * wrong, and when the adversary has done what it can, everything comes to an end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adversary.h"
#include "check.h"
#include "connection.h"
#include "faults.h"
#include "kind.h"
#include "state.h"
#include "talker.h"
#include "world.h"

enum { PORT = 143, CONNECTIONS = 2 * FOES_MAX };

static const uint64_t rest_ns = 4 * 3600 * 1000000000ULL; /* two keepalive intervals */

struct duel {
	struct world_script script; /* first */
	struct stream_app app;
	struct talker talkers[FOES_MAX]; /* ours, of the foe with that number */
	struct adversary adversary;
	struct world world;
};

static struct duel duel;
static const uint64_t nothing;

static uint64_t duel_next_ns(const struct world_script *script)
{
	uint64_t next_ns = adversary_next_ns(&duel.adversary);

	(void)script;
	for (unsigned i = 0; i < duel.adversary.foes_n; i++) {
		const struct foe *foe = &duel.adversary.foes[i];

		if (foe->called && duel.talkers[i].transport == NULL && foe->open_ns < next_ns)
			next_ns = foe->open_ns;
	}
	return next_ns;
}

static void duel_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	for (unsigned i = 0; i < duel.adversary.foes_n; i++)
		if (duel.talkers[i].transport != NULL && !duel.talkers[i].opened &&
		    memcmp(&duel.talkers[i].ref, &ref, sizeof(ref)) == 0)
			talker_failed(&duel.talkers[i].app, ref, reason);
	(void)app;
}

/* Calls a foe that waits for it. */
static void call(struct world *world, unsigned number)
{
	const struct host *host = &world->hosts[0];
	const struct foe *foe = &duel.adversary.foes[number];
	struct talker *talker = &duel.talkers[number];

	talker->transport = tcp_transport(host->tcp);
	if (tcp_connect(host->tcp, host->addr, 0, host->peer, foe->port, &duel.app, duel_failed,
			&talker->ref) != 0)
		journal_say(&world->journal, "%s cannot connect", talker->name);
}

static void duel_happen(struct world_script *script, struct world *world)
{
	(void)script;
	for (unsigned i = 0; i < duel.adversary.foes_n; i++)
		if (duel.adversary.foes[i].called && duel.talkers[i].transport == NULL &&
		    duel.adversary.foes[i].open_ns <= world->clock.mono_ns)
			call(world, i);
	adversary_happen(&duel.adversary);
}

/* A foe's first connection has a talker, a later one is refused. */
static int duel_open(struct stream_app *app, struct stream_transport *transport,
		     struct stream_ref ref, const struct stream_info *info,
		     struct stream_session **session_r)
{
	unsigned which = info->peer_port - FOE_PORT_FIRST;

	const struct connection *c = tcp_connection_of(duel.world.hosts[0].tcp, ref);

	(void)app;
	if (which >= duel.adversary.foes_n)
		return -ENOENT;
	/* Whichever of its SYNs was taken, and wherever a box has moved it to. */
	duel.talkers[which].receive_at = c->rcv_user - (duel.adversary.foes[which].isn + 1) -
					 duel.world.link.config.box.shift[1];
	return talker_open(&duel.talkers[which], transport, ref, session_r);
}

static void talkers_create(struct random *random)
{
	for (unsigned i = 0; i < duel.adversary.foes_n; i++) {
		struct talker *talker = &duel.talkers[i];
		struct foe *foe = &duel.adversary.foes[i];
		char name[16];

		snprintf(name, sizeof(name), "a%u", i);
		talker_create(talker, &duel.world.journal, name, random_split(random));
		talker->send_key = foe->receive_key = duel.world.seed + i;
		talker->receive_key = foe->send_key = ~(duel.world.seed + i);
		talker->send_bytes = random_below(random, 1ULL << random_between(random, 4, 20));
		talker->receive_bytes = UINT32_MAX;
		talker->peer_sent = &nothing;
		talker->forked = true;
		talker->hasty = random_once(random, 3);
		talker->picky = random_once(random, 3);
	}
}

static void duel_create(struct kind_run *run)
{
	static const struct stream_app_ops ops = {.open = duel_open};
	struct random random = {random_mix(run->seed ^ 0x666f65)};
	struct host_config config = faults_host(&random, CONNECTIONS, 1500);
	struct world *world = &duel.world;
	struct link_config link;

	memset(&duel, 0, sizeof(duel));
	duel.script = (struct world_script){duel_next_ns, duel_happen};
	duel.app.ops = &ops;
	world_create(world, run->seed, run->loud, 1000000000 + random_below(&random, 1ULL << 50));
	link = faults_link(&random, world->clock.mono_ns);
	if (!random_once(&random, 3)) /* the adversary is enough */
		link = (struct link_config){.mtu = 1500, .mtu_ns = UINT64_MAX};
	world->planted = run->planted;
	world_link(world, &link);
	adversary_create(&duel.adversary, &world->link, random_split(&random),
			 world->clock.mono_ns);
	talkers_create(&random);
	config.mtu = link.mtu;
	world->hosts_n = 1;
	host_create(&world->hosts[0], &world->link, &world->clock, random_split(&random), 0,
		    &config);
	ASSERT(tcp_listen(world->hosts[0].tcp, world->hosts[0].addr, PORT, &duel.app) == 0);
	world->limit_ns = duel.adversary.until_ns + link.quiet_ns + rest_ns;
}

static void duel_judge(struct world *world)
{
	for (unsigned i = 0; i < duel.adversary.foes_n; i++) {
		const struct talker *talker = &duel.talkers[i];
		const struct foe *foe = &duel.adversary.foes[i];

		if (talker->opened && !talker->closed)
			journal_fail(&world->journal, "%s has no end", talker->name);
		if (talker->receive_at == 0 && talker->received > foe->snd_end - (foe->isn + 1))
			journal_fail(&world->journal, "%s has heard what was not said",
				     talker->name);
	}
	invariant_rest(&world->hosts[0].invariant, world->hosts[0].tcp);
}

bool kind_adversary(struct kind_run *run)
{
	struct world *world = &duel.world;

	duel_create(run);
	world_run(world, &duel.script, false);
	duel_judge(world);
	return kind_finish(run, world);
}
