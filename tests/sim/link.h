/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two TCP endpoints and a bad wire between them, in virtual time. Everything follows from the
 * seed: what is lost, doubled, held back, flipped, and when it arrives. Each packet is a full
 * IPv4 packet with a true checksum; one that was flipped is dropped as net/ would drop it.
 */
#ifndef WIREMAP_TESTS_SIM_LINK_H
#define WIREMAP_TESTS_SIM_LINK_H

#include "clock.h"
#include "tcp.h"

struct link_faults { /* each of the first four per 10,000 packets */
	unsigned loss, duplicate, corrupt, reorder;
	uint64_t delay_ns, jitter_ns;
	uint64_t reorder_ns;	/* by how much a reordered packet is late */
	uint64_t bytes_per_ms;	/* 0: no limit */
	unsigned queue_packets; /* of the bottleneck; more are lost */
	uint32_t mtu;
	uint32_t segments_max, tso_bytes_max; /* of the sending ports */
};

struct link;

struct link_end {
	struct tcp_wire wire; /* first */
	struct tcp_env env;
	struct link *link;
	struct tcp *tcp; /* the caller's, set after tcp_create(); not destroyed here */
	uint8_t addr[16];
	uint64_t free_ns; /* when the bottleneck has sent what it holds */
	unsigned queued;
};

struct link_packet {
	uint64_t due_ns, order;
	uint8_t *bytes;
	uint16_t len;
	uint8_t to; /* which end */
};

struct link {
	struct clock clock;
	struct link_faults faults;
	uint64_t random;
	struct link_end ends[2];
	struct link_packet *heap; /* earliest first */
	size_t heap_n, heap_room;
	uint64_t packets; /* sent so far */
	struct rte_mempool *pool;
	bool believing;	   /* a planted fault: checksums are not looked at */
	bool trace;	   /* prints every packet */
	uint64_t quiet_ns; /* no faults from this time on; UINT64_MAX: never */
};

/* EAL must run. Makes everything but the two TCPs, whose env is ends[i].env. */
void link_create(struct link *link, uint64_t seed, const struct link_faults *faults);
/* After the TCPs are destroyed. */
void link_destroy(struct link *link);

/* Faults of a kind that the seed chooses, from harmless to hardly usable. */
struct link_faults link_faults_of(uint64_t seed);

/* A number of the link's generator; `below` > 0. */
uint64_t link_random(struct link *link, uint64_t below);

/* One turn of both ends at the present time. Returns true when something is left to do now. */
bool link_turn(struct link *link);
/* When something happens next; UINT64_MAX: never. */
uint64_t link_next_ns(const struct link *link);
/* Goes to that time. */
void link_advance(struct link *link, uint64_t now_ns);

#endif
