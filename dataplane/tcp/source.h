/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a core one source address may take: half-open connections, connections, SYNs a
 * second. Counts live in two rows of buckets under a keyed hash and a source is at its limit only
 * when both of its buckets are (a count-min sketch): the table cannot be filled, nobody is put
 * out of it, and nobody who lacks the key can aim at another's buckets. Limits of 0 cost nothing.
 * An IPv6 source is its /64, which is what one customer gets (RFC 6177). One core.
 */
#ifndef WIREMAP_TCP_SOURCE_H
#define WIREMAP_TCP_SOURCE_H

#include "state.h"

/* What is counted of a source. */
enum source_kind { SOURCE_SYN_RECEIVED, SOURCE_CONNECTIONS, SOURCE_KINDS };

int tcp_source_create(struct tcp *tcp);
void tcp_source_destroy(struct tcp *tcp);

struct source_at {
	struct source *bucket[2];
};

/* Where a source is counted, for the calls below. */
struct source_at tcp_source_find(const struct tcp *tcp, const uint8_t addr[16]);

/* One more (`step` 1) or one less (-1) of `kind`; both are called for every passive connection. */
void tcp_source_count(struct source_at at, enum source_kind kind, int step);

/* Whether the source has as many of `kind` as it may. */
bool tcp_source_full(const struct tcp *tcp, struct source_at at, enum source_kind kind);

/* A SYN has come. False: more than `source_syns_per_s` do. */
bool tcp_source_syn(const struct tcp *tcp, struct source_at at);

#endif
