/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of our TCPs at an end of the link: what net/ and a port are to it. Segments are cut as TSO
 * would, checksums made, packets held for a while as a transmit queue holds them; what arrives is
 * handed in as a burst. After every call into the TCP its invariants are looked at (invariant.h).
 */
#ifndef WIREMAP_TESTS_SIM_HOST_H
#define WIREMAP_TESTS_SIM_HOST_H

#include "invariant.h"
#include "link.h"
#include "tcp.h"

struct hog;

enum { HOST_HELD_MAX = 512, HOST_MBUFS = 2047 };

struct host_config {
	struct tcp_config tcp;
	uint32_t mtu;
	uint32_t segments_max, tso_bytes_max;
	uint64_t hold_ns;   /* how long a sent segment's memory is not given back */
	unsigned hold_full; /* with so many held the transmit queue says that it is full */
	unsigned hog_left;  /* until faults end the pools have so many objects; 0: all */
};

struct host {
	struct tcp_wire wire; /* first */
	struct tcp_env env;
	struct link *link;
	struct tcp *tcp;
	struct host_config config;
	struct random random;
	unsigned which; /* end of the link */
	const uint8_t *addr, *peer;
	struct {
		struct rte_mbuf *segment;
		uint64_t until_ns;
	} held[HOST_HELD_MAX]; /* a ring, oldest first */
	unsigned held_at, held_n;
	struct hog *hog; /* what is kept from the TCP, or NULL */
	struct invariant invariant;
};

/* Makes the host and its TCP at end `which`. A congestion control that is not built becomes
 * NewReno. */
void host_create(struct host *host, struct link *link, struct clock *clock, struct random random,
		 unsigned which, const struct host_config *config);
/* Destroys the TCP, and looks whether anything is left of it. */
void host_destroy(struct host *host);

/* One loop turn at the present time. True: something is left to do now. */
bool host_turn(struct host *host);
/* When the host has something to do next; UINT64_MAX: never. */
uint64_t host_next_ns(const struct host *host);

#endif
