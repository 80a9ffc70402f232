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

struct source_at tcp_source_find(const struct tcp *tcp, const uint8_t addr[16])
{
	struct source_at at = {{NULL, NULL}};
	uint64_t hash;

	if (tcp->sources == NULL)
		return at;
	hash = tcp_address_is_mapped(addr) ? tcp_siphash13(tcp->config.secret, addr + 12, 4)
					   : tcp_siphash13(tcp->config.secret, addr, 8);
	for (unsigned row = 0; row < ROWS; row++)
		at.bucket[row] = &tcp->sources[row * BUCKETS + (hash >> 32 * row) % BUCKETS];
	return at;
}

void tcp_source_count(struct source_at at, enum source_kind kind, int step)
{
	for (unsigned row = 0; row < ROWS && at.bucket[row] != NULL; row++) {
		ASSERT(step > 0 || at.bucket[row]->n[kind] > 0);
		at.bucket[row]->n[kind] += (uint32_t)step;
	}
}

bool tcp_source_full(const struct tcp *tcp, struct source_at at, enum source_kind kind)
{
	uint32_t most = kind == SOURCE_CONNECTIONS ? tcp->config.source_connections_max
						   : tcp->config.source_syn_received_max;

	return most != 0 && at.bucket[0]->n[kind] >= most && at.bucket[1]->n[kind] >= most;
}

bool tcp_source_syn(const struct tcp *tcp, struct source_at at)
{
	uint32_t per_s = tcp->config.source_syns_per_s, step_ns;

	if (per_s == 0)
		return true;
	step_ns = SYN_BURST_NS / per_s;
	if (at.bucket[0]->syn_ns > tcp->now_ns && at.bucket[1]->syn_ns > tcp->now_ns)
		return false;
	for (unsigned row = 0; row < ROWS; row++) {
		struct source *source = at.bucket[row];

		if (source->syn_ns + SYN_BURST_NS < tcp->now_ns)
			source->syn_ns = tcp->now_ns - SYN_BURST_NS;
		source->syn_ns += step_ns;
	}
	return true;
}
