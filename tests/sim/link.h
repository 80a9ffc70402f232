/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modelled link: two one-way paths, each with a bottleneck and its queue, delay, and faults;
 * an MTU that may shrink, times in which the path is gone or slow, and a middlebox
 * (middlebox.h). Everything follows from its generator. Faults end at `quiet_ns`: what
 * stays is a clean path with the same rate, queue and delay.
 */
#ifndef WIREMAP_TESTS_SIM_LINK_H
#define WIREMAP_TESTS_SIM_LINK_H

#include "journal.h"
#include "middlebox.h"
#include "packet.h"
#include "random.h"

struct link_path {	       /* chances are per 10,000 packets */
	uint64_t bytes_per_ms; /* 0: no limit */
	uint64_t queue_bytes;  /* of the bottleneck; what finds no room is lost */
	bool marks;	       /* and from a quarter of that on ECN-capable packets are marked */
	uint64_t delay_ns, jitter_ns;
	bool fifo;	    /* jitter does not reorder */
	uint64_t grid_ns;   /* packets arrive at multiples of this only, all at once; 0: no */
	unsigned loss;	    /* each by itself */
	unsigned bad, good; /* Gilbert and Elliott: a bad time begins, ends */
	unsigned loss_bad;  /* in bad times */
	unsigned duplicate, corrupt, reorder;
	uint64_t reorder_ns; /* by how much a reordered packet is late */
	unsigned ack_loss;   /* of pure acknowledgements */
	unsigned ack_every;  /* only each so many pure acknowledgements arrive; 0, 1: all */
};

struct link_config {
	struct link_path paths[2]; /* from end 0, from end 1 */
	uint32_t mtu;
	uint32_t mtu_later; /* from mtu_ns on */
	uint64_t mtu_ns;
	bool black_hole;	       /* nobody is told; the path gets `mtu` back at quiet_ns */
	uint64_t gone_ns, gone_for_ns; /* nothing arrives */
	uint64_t slow_ns, slow_for_ns, slow_by_ns; /* everything takes so much longer */
	uint64_t quiet_ns;
	struct middlebox_config box;
};

struct link_way {
	uint64_t free_ns; /* when the bottleneck has sent what it holds */
	uint64_t last_ns; /* when the last packet arrives */
	bool bad;
	unsigned acks;
};

struct link_packet {
	uint64_t due_ns, order;
	uint8_t *bytes;
	uint16_t len;
	uint8_t to; /* which end */
	bool corrupted;
};

#define LINK_COUNTERS(X)                                                                           \
	X(packets)                                                                                 \
	X(lost)                                                                                    \
	X(lost_in_bursts)                                                                          \
	X(lost_in_queue)                                                                           \
	X(lost_acks)                                                                               \
	X(lost_while_gone)                                                                         \
	X(too_big)                                                                                 \
	X(marked)                                                                                  \
	X(duplicated)                                                                              \
	X(reordered)                                                                               \
	X(corrupted)                                                                               \
	X(mangled)                                                                                 \
	X(forged)

struct link_stats {
#define LINK_COUNTER_FIELD(name) uint64_t name;
	LINK_COUNTERS(LINK_COUNTER_FIELD)
#undef LINK_COUNTER_FIELD
};

struct link {
	struct link_config config;
	const struct clock *clock;
	struct journal *journal;
	struct random random;
	struct middlebox box;
	struct link_way ways[2];
	uint8_t addrs[2][16];
	struct link_packet *heap; /* earliest first */
	size_t heap_n, heap_room;
	uint64_t order;
	bool believing; /* a planted fault: checksums are not looked at */
	bool dead;	/* a planted fault: the path never comes back */
	struct link_stats stats;
};

void link_create(struct link *link, const struct clock *clock, struct journal *journal,
		 struct random random, const struct link_config *config);
void link_destroy(struct link *link);

/* One packet of end `from`; `bytes` hold PACKET_BYTES_MAX + PACKET_SLACK and may be changed. */
void link_send(struct link *link, unsigned from, uint8_t *bytes, uint16_t len);
/* One packet out of nowhere, `delay_ns` from now. It meets no fault. */
void link_forge(struct link *link, unsigned to, const uint8_t *bytes, uint16_t len,
		uint64_t delay_ns);
/* The next packet that is due at end `to` and intact; its bytes are the caller's to free(). */
bool link_take(struct link *link, unsigned to, struct link_packet *packet_r);
/* When the next packet arrives somewhere; UINT64_MAX: never. */
uint64_t link_next_ns(const struct link *link);

/* Whether a connection may have been given up by `at_ns`: the path was bad not long before. */
bool link_excuses(const struct link *link, uint64_t at_ns);

#endif
