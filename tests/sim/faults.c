/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <string.h>

#include "connection.h"
#include "state.h"

static const uint64_t ms = 1000000, second = 1000000000;

static uint64_t pick(struct random *random, const uint64_t *values, size_t n)
{
	return values[random_below(random, n)];
}

#define PICK(random, ...)                                                                          \
	pick(random, (const uint64_t[]){__VA_ARGS__},                                              \
	     sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void path_faults(struct random *random, struct link_path *path)
{
	if (random_once(random, 2))
		path->loss = (unsigned)random_below(random, PICK(random, 20, 200, 1501));
	if (random_once(random, 5)) {
		path->bad = (unsigned)random_between(random, 10, 200);
		path->good = (unsigned)random_between(random, 500, 5000);
		path->loss_bad = (unsigned)random_between(random, 3000, 9000);
	}
	if (random_once(random, 3))
		path->duplicate = (unsigned)random_below(random, 500);
	if (random_once(random, 4))
		path->corrupt = (unsigned)random_below(random, 300);
	if (random_once(random, 3)) {
		path->reorder = (unsigned)random_below(random, PICK(random, 50, 1000));
		path->reorder_ns = random_below(random, PICK(random, 1, 20, 200) * ms);
	}
	if (random_once(random, 3)) {
		path->jitter_ns = random_below(random, 20 * ms);
		path->fifo = random_once(random, 2);
	}
	if (random_once(random, 6))
		path->ack_loss = (unsigned)random_below(random, 8000);
	if (random_once(random, 6))
		path->ack_every = (unsigned)random_between(random, 2, 10);
	if (random_once(random, 6))
		path->grid_ns = random_between(random, 1, 30) * ms;
}

/* The bottleneck; the way back may be of another kind. */
static void path_shape(struct random *random, struct link_path *path)
{
	uint64_t product;

	path->bytes_per_ms = PICK(random, 0, 0, 125, 1250, 12500, 125000);
	path->delay_ns = random_below(random, PICK(random, 1, 20, 50, 300) * ms);
	product = path->bytes_per_ms * (2 * path->delay_ns / ms + 1);
	path->queue_bytes = product * random_between(random, 1, 16) / 4;
	if (path->queue_bytes < 8 * 9000)
		path->queue_bytes = random_between(random, 5, 100) * 1500;
	path->marks = random_once(random, 3);
}

static void paths_draw(struct random *random, struct link_config *config)
{
	path_shape(random, &config->paths[0]);
	config->paths[1] = config->paths[0];
	if (random_once(random, 4))
		path_shape(random, &config->paths[1]);
	for (unsigned i = 0; i < 2; i++)
		if (!random_once(random, 8))
			path_faults(random, &config->paths[i]);
}

static void box_draw(struct random *random, struct middlebox_config *box)
{
	switch (random_below(random, 6)) {
	case 0:
		box->strip_kind =
			(uint8_t)PICK(random, PACKET_MSS, PACKET_SCALE, PACKET_SACK_PERMITTED,
				      PACKET_SACK, PACKET_TIMESTAMPS);
		box->strip_where = (uint8_t)(1U << random_below(random, 3));
		break;
	case 1:
		box->window_max = (uint16_t)random_between(random, 100, UINT16_MAX);
		break;
	case 2:
		box->window_shift = (uint8_t)random_between(random, 1, 4);
		break;
	case 3:
		box->mss_max = (uint16_t)PICK(random, 88, 256, 536, 1200, 1400);
		break;
	case 4:
		box->bleach = true;
		break;
	default:
		box->shift[0] = (uint32_t)random_next(random);
		box->shift[1] = (uint32_t)random_next(random);
		break;
	}
}

static void times_draw(struct random *random, struct link_config *config, uint64_t now_ns)
{
	uint64_t for_ns = random_between(random, 1, PICK(random, 3, 30, 200)) * second;

	config->quiet_ns = now_ns + for_ns;
	config->mtu_ns = UINT64_MAX;
	config->mtu_later = config->mtu;
	if (random_once(random, 6) && config->mtu <= 1500) {
		config->mtu_later = (uint32_t)random_between(random, TCP_MTU_MIN, config->mtu);
		config->mtu_ns = now_ns + random_below(random, for_ns);
		config->black_hole = random_once(random, 2);
	}
	if (random_once(random, 8)) {
		config->gone_ns = now_ns + random_below(random, for_ns);
		config->gone_for_ns = random_below(random, config->quiet_ns - config->gone_ns);
	}
	if (random_once(random, 6)) {
		config->slow_ns = now_ns + random_below(random, for_ns);
		config->slow_for_ns = random_between(random, 50, 3000) * ms;
		config->slow_by_ns = random_between(random, 100, 4000) * ms;
	}
}

struct link_config faults_link(struct random *random, uint64_t now_ns)
{
	struct link_config config = {.mtu = 1500};

	if (random_once(random, 4))
		config.mtu = (uint32_t)random_between(random, 576, 9000);
	paths_draw(random, &config);
	times_draw(random, &config, now_ns);
	if (random_once(random, 4))
		box_draw(random, &config.box);
	return config;
}

struct host_config faults_host(struct random *random, unsigned connections, uint32_t mtu)
{
	struct host_config config = {
		.mtu = mtu,
		.segments_max = (uint32_t)PICK(random, 1, 2, 3, 4, 8, 40),
		.tso_bytes_max = (uint32_t)PICK(random, 0, 0, 32768, 65000),
		.tcp = {.connections_max = connections,
			.listeners_max = 1,
			.syn_received_max = connections,
			.time_wait_max = connections,
			.receive_bytes_max = 4096U << random_below(random, 9),
			.send_bytes_max = 32768U << random_below(random, 6),
			.packet_memory_bytes = 1U << 20,
			.quantum_ns = 50000,
			.congestion = random_once(random, 2) ? TCP_CUBIC : TCP_NEWRENO,
			.ecn = (enum tcp_ecn)random_below(random, 3),
			.socket = -1}};

	for (unsigned i = 0; i < sizeof(config.tcp.secret); i++)
		config.tcp.secret[i] = (uint8_t)random_next(random);
	config.tcp.path_mtu_probing = random_once(random, 2);
	if (random_once(random, 8))
		config.hog_left = (unsigned)PICK(random, 1, 2, 4, 16, 64);
	if (random_once(random, 3)) {
		config.hold_ns = random_between(random, 1, 5000) * 1000;
		config.hold_full =
			random_once(random, 2) ? (unsigned)random_between(random, 2, 64) : 0;
	}
	return config;
}

uint64_t faults_start_ns(struct random *random, const uint8_t secret[16], const struct tuple *tuple)
{
	static struct tcp tcp; /* for its secret alone */
	uint64_t keyed;
	uint32_t before = (uint32_t)random_below(random, PICK(random, 3, 3000, 300000));
	/* Where a comparison that is not modulo 2^32 goes wrong: at 2^32 and at 2^31. */
	uint32_t wrap = random_once(random, 2) ? 0 : 1U << 31;
	uint64_t start_ns, period_ns;

	memcpy(tcp.config.secret, secret, sizeof(tcp.config.secret));
	keyed = tcp_tuple_secret(&tcp, tuple);
	switch (random_below(random, 5)) {
	case 0: /* the first of ISNs (connection.c) */
		period_ns = 1ULL << 44;
		start_ns = (uint64_t)(uint32_t)(wrap - before - (uint32_t)keyed) << 12;
		break;
	case 1: /* of timestamps */
		period_ns = ms << 32;
		start_ns = (uint64_t)(uint32_t)(wrap - before - tcp_secret_stamp(keyed)) * ms;
		break;
	case 2: /* of the clock's milliseconds themselves */
		period_ns = ms << 32;
		start_ns = (uint64_t)(uint32_t)(wrap - before) * ms;
		break;
	case 3: /* of its microseconds, which times of sending are kept in */
		period_ns = 1000ULL << 32;
		start_ns = (uint64_t)(uint32_t)(wrap - before * 1000) * 1000;
		break;
	default:
		period_ns = second;
		start_ns = random_below(random, 1ULL << 50);
		break;
	}
	/* No clock begins at nothing. */
	return start_ns < second ? start_ns + period_ns : start_ns;
}
