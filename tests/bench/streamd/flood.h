/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYNs that nobody means: of as many forged sources as FLOOD_NETWORK holds, with the options that a
 * Linux client sends, and a rate. They are frames of our own making beside the load's TCP, which
 * throws the answers away: they go to addresses that are not its own.
 */
#ifndef STREAMD_FLOOD_H
#define STREAMD_FLOOD_H

#include "wire.h"

/* 198.18.0.0/15, set aside for benchmarks (RFC 2544 C.2.2), host order. */
#define FLOOD_NETWORK 0xc6120000u
#define FLOOD_HOSTS (1u << 17)

struct flood;

/* `port`: of the server. Frames go to options->server_mac. 0 and *flood_r, or -ENOMEM. */
int flood_create(const struct options *options, const struct wire *wire, uint16_t port,
		 struct flood **flood_r);
void flood_destroy(struct flood **flood);

/* Sends what is due at `now_ns`; what the wire has no room for is not made up for. False: nothing
 * was. On the core. */
bool flood_turn(struct flood *flood, uint64_t now_ns);

/* How many were sent. Any thread. */
uint64_t flood_sent(const struct flood *flood);

#endif
