/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of our TCPs over one link. Host a opens connections to host b, at times both open at once;
 * the talkers at their ends send known streams in the moods of the seed. Who is neither aborted
 * nor drained must get everything through, soon after the path is clean at the latest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "faults.h"
#include "forger.h"
#include "kind.h"
#include "state.h"
#include "talker.h"
#include "world.h"

enum { PAIRS_MAX = 40, PORT = 143, PORT_FIRST = 20000 };

static const uint64_t ms = 1000000, second = 1000000000;
/* A reader whose pauses are longer may be given up: fifteen probes of its window in a row. */
static const uint64_t probes_ns = 400ULL * 1000 * ms;
/* For a backed-off timer, and the transfer of what is left at the slowest rate. */
static const uint64_t grace_ns = 900 * 1000000000ULL;
/* Two keepalive intervals: the longest that a side can wait for one that is gone. */
static const uint64_t rest_ns = 4 * 3600 * 1000000000ULL;

struct pair {
	struct talker talkers[2];
	uint64_t open_ns;
	uint64_t abort_ns; /* UINT64_MAX: not */
	uint64_t slow_ns;  /* how long the reader's pauses take together */
	unsigned aborter;
	bool both_open; /* RFC 9293 3.5, figure 7 */
	bool loose;	/* may end before everything is through */
};

struct crowd {
	struct world_script script; /* first */
	struct stream_app app;	    /* of host b */
	struct pair pairs[PAIRS_MAX];
	unsigned pairs_n;
	uint64_t drain_ns;
	unsigned drain_host, drain_per_turn, drain_per_s;
	struct forger forger;
	struct world world;
};

static struct crowd crowd;

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t crowd_next_ns(const struct world_script *script)
{
	uint64_t next_ns = earlier(crowd.drain_ns, forger_next_ns(&crowd.forger));

	(void)script;
	for (unsigned i = 0; i < crowd.pairs_n; i++) {
		next_ns = earlier(next_ns, crowd.pairs[i].open_ns);
		next_ns = earlier(next_ns, crowd.pairs[i].abort_ns);
	}
	return next_ns;
}

static void talker_connect(struct world *world, unsigned which, struct pair *pair, unsigned port)
{
	struct host *host = &world->hosts[which];
	struct talker *talker = &pair->talkers[which];
	uint16_t local = (uint16_t)(which == 0 ? port : PORT);
	uint16_t peer = (uint16_t)(which == 0 ? PORT : port);
	int status;

	journal_say(&world->journal, "%s connects", talker->name);
	status = tcp_connect(host->tcp, host->addr, local, host->peer, peer, &talker->app,
			     talker_failed, &talker->ref);
	talker->transport = tcp_transport(host->tcp);
	if (status == 0)
		return;
	if (status != -ENOBUFS || !pair->loose)
		journal_fail(&world->journal, "%s cannot connect: %d", talker->name, status);
	talker_failed(&talker->app, talker->ref, STREAM_REFUSED);
}

static void pair_happen(struct world *world, struct pair *pair, uint64_t now_ns)
{
	if (pair->open_ns <= now_ns) {
		unsigned port = PORT_FIRST + (unsigned)(pair - crowd.pairs);

		pair->open_ns = UINT64_MAX;
		talker_connect(world, 0, pair, port);
		if (pair->both_open)
			talker_connect(world, 1, pair, port);
	}
	if (pair->abort_ns <= now_ns) {
		struct talker *talker = &pair->talkers[pair->aborter];

		pair->abort_ns = UINT64_MAX;
		if (talker->transport == NULL || talker->closed)
			return;
		journal_say(&world->journal, "%s aborts", talker->name);
		talker->transport->ops->abort(talker->transport, talker->ref);
	}
}

static void crowd_happen(struct world_script *script, struct world *world)
{
	uint64_t now_ns = world->clock.mono_ns;

	(void)script;
	for (unsigned i = 0; i < crowd.pairs_n; i++)
		pair_happen(world, &crowd.pairs[i], now_ns);
	if (crowd.drain_ns <= now_ns) {
		crowd.drain_ns = UINT64_MAX;
		journal_say(&world->journal, "%c drains", 'a' + (int)crowd.drain_host);
		tcp_drain(world->hosts[crowd.drain_host].tcp, crowd.drain_per_turn,
			  crowd.drain_per_s);
	}
	forger_happen(&crowd.forger);
}

/* The listener of host b. */
static int crowd_open(struct stream_app *app, struct stream_transport *transport,
		      struct stream_ref ref, const struct stream_info *info,
		      struct stream_session **session_r)
{
	unsigned which = info->peer_port - PORT_FIRST;
	struct talker *talker;

	(void)app;
	if (which >= crowd.pairs_n) {
		journal_fail(&crowd.world.journal, "b: a connection that nobody opened");
		return -ENOENT;
	}
	talker = &crowd.pairs[which].talkers[1];
	if (talker->opened)
		journal_fail(&crowd.world.journal, "%s: opened twice", talker->name);
	return talker_open(talker, transport, ref, session_r);
}

/* One of the two reads slowly: both at once could wait for each other. */
static void reader_slow(struct random *random, struct pair *pair)
{
	struct talker *talker = &pair->talkers[random_below(random, 2)];
	uint64_t pauses = random_between(random, 1, 30);

	if (random_once(random, 3)) {
		talker->picky = true;
	} else if (random_once(random, 3)) {
		talker->pause_ms =
			(uint32_t)random_between(random, 1, random_once(random, 4) ? 60000 : 2000);
		talker->bite = (uint32_t)(talker->receive_bytes / pauses + 1);
		pair->slow_ns = (pauses + 1) * talker->pause_ms * ms;
	}
}

/* The moods of a pair: who talks how much, who closes, who goes too early. */
static void pair_create(struct pair *pair, unsigned number, struct random *random)
{
	unsigned closer = (unsigned)random_below(random, 3); /* 2: both at once */
	unsigned most_bits = crowd.pairs_n > 8 ? 16 : 20;
	uint64_t bytes[2];
	char name[16];

	memset(pair, 0, sizeof(*pair));
	for (unsigned i = 0; i < 2; i++)
		bytes[i] = random_below(random, 1ULL << random_between(random, 4, most_bits));
	if (random_once(random, 3))
		bytes[1] = bytes[0];
	for (unsigned i = 0; i < 2; i++) {
		struct talker *talker = &pair->talkers[i];

		snprintf(name, sizeof(name), "%c%u", 'a' + (int)i, number);
		talker_create(talker, &crowd.world.journal, name, random_split(random));
		talker->send_key = crowd.world.seed + number + (i == 0 ? 0 : 1ULL << 63);
		talker->receive_key = crowd.world.seed + number + (i == 1 ? 0 : 1ULL << 63);
		talker->send_bytes = bytes[i];
		talker->receive_bytes = bytes[!i];
		talker->peer_sent = &pair->talkers[!i].sent;
		talker->closes = closer != !i;
		talker->hasty = random_once(random, 24);
		pair->loose |= talker->hasty;
	}
	pair->talkers[1].echo = bytes[0] == bytes[1] && random_once(random, 2);
	reader_slow(random, pair);
	pair->both_open = random_once(random, 8);
	pair->abort_ns = UINT64_MAX;
	pair->open_ns = crowd.world.clock.mono_ns;
	if (number > 0)
		pair->open_ns += random_below(random, 3 * second);
	if (random_once(random, 24)) {
		pair->abort_ns = pair->open_ns + random_below(random, 5 * second);
		pair->aborter = (unsigned)random_below(random, 2);
		pair->loose = true;
	}
}

static void pairs_create(struct random *random)
{
	for (unsigned i = 0; i < crowd.pairs_n; i++)
		pair_create(&crowd.pairs[i], i, random);
	crowd.drain_ns = UINT64_MAX;
	if (!random_once(random, 16))
		return;
	crowd.drain_ns = crowd.world.clock.mono_ns + random_below(random, 10 * second);
	crowd.drain_host = (unsigned)random_below(random, 2);
	crowd.drain_per_turn = (unsigned)random_between(random, 1, 8);
	crowd.drain_per_s = random_once(random, 2) ? 0 : (unsigned)random_between(random, 1, 100);
	for (unsigned i = 0; i < crowd.pairs_n; i++)
		crowd.pairs[i].loose = true;
}

static void hosts_create(struct random *random, struct host_config configs[2])
{
	struct world *world = &crowd.world;

	world->hosts_n = 2;
	for (unsigned i = 0; i < 2; i++)
		host_create(&world->hosts[i], &world->link, &world->clock, random_split(random), i,
			    &configs[i]);
	ASSERT(tcp_listen(world->hosts[1].tcp, world->hosts[1].addr, PORT, &crowd.app) == 0);
}

/* The first connection as the host sees it. */
static struct tuple first_tuple(unsigned which)
{
	struct tuple tuple = {.local_port = which == 0 ? PORT_FIRST : PORT,
			      .peer_port = which == 0 ? PORT : PORT_FIRST};

	memcpy(tuple.local, (uint8_t[16]){[10] = 0xff, 0xff, 127, 0, 0, (uint8_t)(which + 1)}, 16);
	memcpy(tuple.peer, (uint8_t[16]){[10] = 0xff, 0xff, 127, 0, 0, (uint8_t)(2 - which)}, 16);
	return tuple;
}

static void crowd_create(struct kind_run *run)
{
	static const struct stream_app_ops ops = {.open = crowd_open};
	struct random random = {random_mix(run->seed ^ 0x746370)};
	struct world *world = &crowd.world;
	struct link_config link;
	struct host_config configs[2];
	unsigned side = (unsigned)random_below(&random, 2);
	struct tuple tuple = first_tuple(side);

	crowd.script = (struct world_script){crowd_next_ns, crowd_happen};
	crowd.app.ops = &ops;
	crowd.pairs_n = (unsigned)(random_once(&random, 2)   ? 1
				   : random_once(&random, 4) ? random_between(&random, 8, PAIRS_MAX)
							     : random_between(&random, 2, 6));
	for (unsigned i = 0; i < 2; i++)
		configs[i] = faults_host(&random, crowd.pairs_n, 1500);
	world_create(world, run->seed, run->loud,
		     faults_start_ns(&random, configs[side].tcp.secret, &tuple));
	link = faults_link(&random, world->clock.mono_ns);
	configs[0].mtu = configs[1].mtu = link.mtu;
	world->planted = run->planted;
	world->step_ns = random_once(&random, 4) ? random_below(&random, 20000) : 0;
	world_link(world, &link);
	pairs_create(&random);
	hosts_create(&random, configs);
	forger_create(&crowd.forger, world, random_split(&random));
	world->limit_ns = link.quiet_ns + rest_ns;
}

/* What both must have seen, whatever happened to them. */
static void pair_common(struct journal *journal, const struct pair *pair)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct talker *talker = &pair->talkers[i], *peer = &pair->talkers[!i];

		if (talker->opened && !talker->closed)
			journal_fail(journal, "%s has no end", talker->name);
		if (talker->received > peer->sent)
			journal_fail(journal, "%s has heard what was not said", talker->name);
		if (talker->reason == STREAM_CLOSED && talker->peer_ended && !talker->drained &&
		    !talker->hasty && talker->received != peer->sent)
			journal_fail(journal, "%s: bytes are missing before the end", talker->name);
	}
}

/* A pair of which one gave up lawfully: the path was too bad for too long. */
static bool pair_excused(const struct world *world, const struct pair *pair)
{
	struct tcp_stats stats;

	for (unsigned i = 0; i < 2; i++)
		if (pair->talkers[i].reason == STREAM_TIMEOUT)
			return pair->slow_ns >= probes_ns ||
			       link_excuses(&world->link, pair->talkers[i].closed_ns);
	tcp_stats(world->hosts[1].tcp, &stats);
	/* The passive side gives a half-open connection up without a word to its application. */
	return !pair->talkers[1].opened && !pair->both_open && stats.timeouts > 0;
}

/* A peer that has said everything and closed waits for a slow reader for a minute only
 * (FIN_WAIT_2), and the reset that then comes takes with it what was not yet read. */
static bool read_too_late(const struct pair *pair, const struct talker *talker,
			  const struct talker *peer)
{
	return pair->slow_ns > 0 && talker->reason == STREAM_RESET &&
	       peer->reason == STREAM_CLOSED &&
	       talker->closed_ns - peer->closed_ns > TCP_FIN_WAIT_2_MS * ms;
}

/* Of a FIN that is answered too late: everything was said and heard, and the peer has waited out
 * its TIME_WAIT while the answers were lost. */
static bool answered_too_late(const struct world *world, const struct talker *talker,
			      const struct talker *peer)
{
	return talker->reason == STREAM_RESET && talker_through(talker) &&
	       peer->reason == STREAM_CLOSED && talker_through(peer) &&
	       link_excuses(&world->link, talker->closed_ns);
}

static void pair_judge(struct world *world, const struct pair *pair, uint64_t opened_ns)
{
	struct journal *journal = &world->journal;
	uint64_t limit_ns = world->link.config.quiet_ns + opened_ns + pair->slow_ns + grace_ns;

	pair_common(journal, pair);
	if (pair->loose || pair_excused(world, pair) || middlebox_fatal(&world->link.config.box))
		return;
	for (unsigned i = 0; i < 2; i++) {
		const struct talker *talker = &pair->talkers[i], *peer = &pair->talkers[!i];

		if (read_too_late(pair, talker, peer) || answered_too_late(world, talker, peer))
			continue;
		if (!talker->opened)
			journal_fail(journal, "%s was never open", talker->name);
		if (talker->reason == STREAM_TIMEOUT)
			journal_fail(journal, "%s gave up on a clean path", talker->name);
		if (talker->reason != STREAM_CLOSED)
			journal_fail(journal, "%s: reset", talker->name);
		if (!talker_through(talker))
			journal_fail(journal, "%s: bytes are missing", talker->name);
		if (talker->closed_ns > limit_ns)
			journal_fail(journal, "%s took too long on a clean path", talker->name);
	}
}

static void crowd_judge(bool cut)
{
	struct world *world = &crowd.world;

	for (unsigned i = 0; i < crowd.pairs_n && !cut; i++)
		pair_judge(world, &crowd.pairs[i], 3 * second);
	for (unsigned i = 0; i < world->hosts_n && !cut; i++)
		invariant_rest(&world->hosts[i].invariant, world->hosts[i].tcp);
}

bool kind_tcp(struct kind_run *run)
{
	struct world *world = &crowd.world;
	bool cut, right;

	crowd_create(run);
	cut = random_once(&world->random, 16);
	if (cut)
		world->limit_ns = world->clock.mono_ns + random_below(&world->random, 5 * second);
	world_run(world, &crowd.script, cut);
	crowd_judge(cut);
	right = kind_finish(run, world);
	/* The end of a TCP is the end of all its connections. */
	for (unsigned i = 0; i < crowd.pairs_n && right; i++) {
		pair_common(&world->journal, &crowd.pairs[i]);
		memcpy(run->wrong, world->journal.wrong, sizeof(run->wrong));
	}
	return right && !world->journal.failed;
}
