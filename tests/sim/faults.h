/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seed draws: how bad the path is, and how each side is configured. Each fault is there in
 * some seeds only, so that most pairs of faults meet and few drown all others.
 */
#ifndef WIREMAP_TESTS_SIM_FAULTS_H
#define WIREMAP_TESTS_SIM_FAULTS_H

#include "host.h"
#include "link.h"

/* A path, from harmless to hardly usable; `now_ns` is when it begins. */
struct link_config faults_link(struct random *random, uint64_t now_ns);

/* One side, for `connections` at once, on a path of `mtu`. */
struct host_config faults_host(struct random *random, unsigned connections, uint32_t mtu);

/* When to start the clock: often so that sequence numbers or timestamps of the first connection
 * wrap (`tuple` is that connection as the side with `secret` sees it). */
struct tuple;
uint64_t faults_start_ns(struct random *random, const uint8_t secret[16],
			 const struct tuple *tuple);

#endif
