/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of our TCPs over a lossy link, in virtual time: every byte of both streams must come
 * through, both sides must end, within a bound of virtual time.
 *
 *     sim_tcp [--seeds N] [--first N] [--seed N] [--planted 1]
 *
 * The first seed that fails prints itself; --seed N runs it alone, the same each time, and
 * prints every packet. --planted has nobody look at checksums, and must fail.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "eal.h"
#include "link.h"
#include "talker.h"

enum {
	SEEDS = 200,
	MEMORY_MB = 192,
	PORT = 143,
	TURNS_MAX = 20000000,
};

static const uint64_t time_max_ns = 3600ULL * 1000000000; /* virtual */

static struct talker talkers[2];

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int endpoint_create(struct link *link, unsigned which, uint64_t seed)
{
	static const char *const names[] = {"a", "b"};
	const struct tcp_config config = {
		.connections_max = 4,
		.listeners_max = 1,
		.syn_received_max = 4,
		.time_wait_max = 8,
		.receive_bytes_max = 4096U << mix(seed + which) % 9,
		.send_bytes_max = 32768U << mix(seed + which + 7) % 6,
		.packet_memory_bytes = 1 << 20,
		.quantum_ns = 50000,
		.congestion = mix(seed + 30) % 4 == 0 ? TCP_NEWRENO : TCP_CUBIC,
		.socket = -1,
		.secret = {1, 2, 3, (uint8_t)seed, (uint8_t)which},
		.name = names[which],
	};

	return tcp_create(&config, &link->ends[which].env, &link->ends[which].tcp);
}

/* The moods of a seed: who talks how much, who closes. */
static void talkers_create(uint64_t seed)
{
	uint64_t bytes[2];
	unsigned closer = mix(seed + 3) % 3; /* 2: both at once */

	for (unsigned i = 0; i < 2; i++)
		bytes[i] = mix(seed + 10 + i) % (1ULL << (4 + mix(seed + 20 + i) % 17));
	if (mix(seed + 5) % 3 == 0)
		bytes[1] = bytes[0];
	talker_create(&talkers[0], mix(seed + 1), seed, bytes[0], ~seed, bytes[1]);
	talker_create(&talkers[1], mix(seed + 2), ~seed, bytes[1], seed, bytes[0]);
	talkers[1].echo = bytes[0] == bytes[1];
	talkers[mix(seed + 6) % 2].picky = true;
	talkers[0].closes = closer != 1;
	talkers[1].closes = closer != 0;
}

static const char *verdict(const struct link *link)
{
	for (unsigned i = 0; i < 2; i++) {
		if (talkers[i].wrong != NULL)
			return talkers[i].wrong;
		if (!talkers[i].closed)
			return link->clock.mono_ns >= time_max_ns ? "no end in an hour" : "no end";
		if (talkers[i].reason == STREAM_REFUSED || talkers[i].reason == STREAM_TIMEOUT)
			return "gave up";
		if (talkers[i].reason != STREAM_CLOSED)
			return "reset";
		if (talkers[i].received != talkers[i].receive_bytes)
			return "bytes are missing";
	}
	return NULL;
}

static bool ended(void)
{
	return (talkers[0].closed && talkers[1].closed) || talkers[0].wrong != NULL ||
	       talkers[1].wrong != NULL;
}

static void run(struct link *link)
{
	for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
		uint64_t next_ns;

		if (link_turn(link))
			continue;
		next_ns = link_next_ns(link);
		if (ended() || next_ns > time_max_ns)
			return;
		if (next_ns > link->clock.mono_ns)
			link_advance(link, next_ns);
	}
}

static void report(const struct link *link, uint64_t seed, const char *wrong)
{
	struct tcp_stats stats;

	printf("seed %" PRIu64 ": %s (%" PRIu64 " ms, loss %u/10000)\n", seed,
	       wrong == NULL ? "right" : wrong, link->clock.mono_ns / 1000000, link->faults.loss);
	for (unsigned i = 0; i < 2; i++) {
		tcp_stats(link->ends[i].tcp, &stats);
		printf("  %c: sent %" PRIu64 "/%" PRIu64 " received %" PRIu64 "/%" PRIu64
		       " segments %" PRIu64 " rto %" PRIu64 " fast %" PRIu64 " ooo %" PRIu64
		       " probes %" PRIu64 " memory %" PRIu64 "\n",
		       'a' + (int)i, talkers[i].sent, talkers[i].send_bytes, talkers[i].received,
		       talkers[i].receive_bytes, stats.segments_out, stats.retransmit_timeout,
		       stats.retransmit_fast, stats.out_of_order, stats.window_probes,
		       stats.memory_dropped);
	}
}

/* One listens and the other connects; for one seed in eight both connect at once. */
static void connect_both(struct link *link, uint64_t seed)
{
	const struct link_end *a = &link->ends[0], *b = &link->ends[1];
	struct stream_ref ref;

	if (seed % 8 == 0)
		ASSERT(tcp_connect(b->tcp, b->addr, PORT, a->addr, PORT, &talkers[1].app,
				   talker_failed, &ref) == 0);
	else
		ASSERT(tcp_listen(b->tcp, b->addr, PORT, &talkers[1].app) == 0);
	ASSERT(tcp_connect(a->tcp, a->addr, seed % 8 == 0 ? PORT : 0, b->addr, PORT,
			   &talkers[0].app, talker_failed, &ref) == 0);
}

/* Returns whether the seed came through. */
static bool seed_run(uint64_t seed, bool verbose, bool planted)
{
	struct link_faults faults = link_faults_of(seed);
	struct link link;
	const char *wrong;

	link_create(&link, seed, &faults);
	link.trace = verbose;
	link.believing = planted;
	talkers_create(seed);
	ASSERT(endpoint_create(&link, 0, seed) == 0 && endpoint_create(&link, 1, seed) == 0);
	connect_both(&link, seed);
	run(&link);
	wrong = verdict(&link);
	if (verbose || (wrong != NULL && !planted))
		report(&link, seed, wrong);
	for (unsigned i = 0; i < 2; i++)
		tcp_destroy(&link.ends[i].tcp);
	link_destroy(&link);
	return wrong == NULL;
}

int main(int argc, char **argv)
{
	uint64_t seeds = SEEDS, first = 1;
	bool verbose = false, planted = false;

	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 0);

		if (strcmp(argv[i], "--seeds") == 0) {
			seeds = value;
		} else if (strcmp(argv[i], "--first") == 0) {
			first = value;
		} else if (strcmp(argv[i], "--seed") == 0) {
			first = value;
			seeds = 1;
			verbose = true;
		} else if (strcmp(argv[i], "--planted") == 0) {
			planted = true;
		}
	}
	if (eal_start(MEMORY_MB) != 0)
		return 1;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		if (seed_run(seed, verbose, planted))
			continue;
		printf("%s: sim_tcp --seed %" PRIu64 "\n", planted ? "the fault is seen" : "replay",
		       seed);
		return planted ? 0 : 1;
	}
	printf("%" PRIu64 " seeds right\n", seeds);
	return planted ? 1 : 0;
}
