/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <rte_malloc.h>

#include "siphash.h"

enum {
	ROWS = 2,
	/* 1 MiB in all. A flood of 1,000,000 SYNs/s from forged addresses adds 30 a second to a
	 * bucket, far from what a source is allowed. */
	BUCKETS = 32768,
	SYN_BURST_NS = 1000000000, /* a second's worth of SYNs */
};

struct source {
	uint32_t n[SOURCE_KINDS];
	uint64_t syn_ns; /* token bucket of SYNs, as a time: when the next is due if they come
			  * evenly; one second's worth may run ahead */
};
_Static_assert(sizeof(struct source) == 16, "four to a cache line");

int tcp_source_create(struct tcp *tcp)
{
	const struct tcp_config *config = &tcp->config;

	if (config->source_syn_received_max == 0 && config->source_connections_max == 0 &&
	    config->source_syns_per_s == 0)
		return 0;
	tcp->sources = rte_zmalloc_socket(
		"tcp_sources", (size_t)ROWS * BUCKETS * sizeof(*tcp->sources), 64, config->socket);
	return tcp->sources == NULL ? -ENOMEM : 0;
}

void tcp_source_destroy(struct tcp *tcp)
{
	rte_free(tcp->sources);
	tcp->sources = NULL;
}

/* The buckets of a source, one in each row. */
static void buckets_find(const struct tcp *tcp, const uint8_t addr[16],
			 struct source *found_r[ROWS])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t bytes = memcmp(addr, mapped, sizeof(mapped)) == 0 ? 16 : 8;
	uint64_t hash = tcp_siphash13(tcp->config.secret, addr, bytes);

	for (unsigned row = 0; row < ROWS; row++)
		found_r[row] = &tcp->sources[row * BUCKETS + (hash >> 32 * row) % BUCKETS];
}

void tcp_source_count(struct tcp *tcp, const uint8_t addr[16], enum source_kind kind, int step)
{
	struct source *found[ROWS];

	if (tcp->sources == NULL)
		return;
	buckets_find(tcp, addr, found);
	for (unsigned row = 0; row < ROWS; row++) {
		ASSERT(step > 0 || found[row]->n[kind] > 0);
		found[row]->n[kind] += (uint32_t)step;
	}
}

bool tcp_source_full(const struct tcp *tcp, const uint8_t addr[16], enum source_kind kind)
{
	const uint32_t most[SOURCE_KINDS] = {
		[SOURCE_SYN_RECEIVED] = tcp->config.source_syn_received_max,
		[SOURCE_CONNECTIONS] = tcp->config.source_connections_max,
	};
	struct source *found[ROWS];

	if (most[kind] == 0)
		return false;
	buckets_find(tcp, addr, found);
	return found[0]->n[kind] >= most[kind] && found[1]->n[kind] >= most[kind];
}

bool tcp_source_syn(struct tcp *tcp, const uint8_t addr[16])
{
	uint32_t per_s = tcp->config.source_syns_per_s;
	struct source *found[ROWS];
	bool room = false;

	if (per_s == 0)
		return true;
	buckets_find(tcp, addr, found);
	for (unsigned row = 0; row < ROWS; row++)
		room |= found[row]->syn_ns <= tcp->now_ns;
	for (unsigned row = 0; row < ROWS && room; row++) {
		if (found[row]->syn_ns + SYN_BURST_NS < tcp->now_ns)
			found[row]->syn_ns = tcp->now_ns - SYN_BURST_NS;
		found[row]->syn_ns += SYN_BURST_NS / per_s;
	}
	return room;
}
