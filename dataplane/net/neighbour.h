/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neighbour cache (RFC 826, RFC 1122 2.3.2): who has which MAC, what waits for an answer, and
 * when to ask again. It knows no frames: questions and waiting packets go through its owner. One
 * core; bounded in entries, in unanswered questions and in waiting packets.
 */
#ifndef NET_NEIGHBOUR_H
#define NET_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"
#include "wheel.h"

enum neighbour_limits {
	/* Unanswered questions at once; the oldest gives way. Somebody who makes us answer a
	 * whole subnet of forged addresses takes these, not the entries of those we talk to. */
	NEIGHBOURS_ASKING_MAX = 512,
	NEIGHBOUR_ASKS_MAX = 3,
	/* RFC 1122 2.3.2.1: at most one question a second for an address. */
	NEIGHBOUR_ASK_MS = 1000,
	/* Believed without being asked again: as long as RFC 1122 recommends. */
	NEIGHBOUR_FRESH_MS = 60 * 1000,
	/* Nobody sent there for so long: forgotten. */
	NEIGHBOUR_UNUSED_MS = 300 * 1000,
	/* A MAC just heard is not changed again at once: two that claim one address would make
	 * us flap, and a forger has to be there first. */
	NEIGHBOUR_LOCK_MS = 1000,
};

enum neighbour_state {
	NEIGHBOUR_FREE,
	NEIGHBOUR_ASKING,   /* no MAC yet */
	NEIGHBOUR_KNOWN,    /* MAC believed */
	NEIGHBOUR_CHECKING, /* MAC believed, but asked whether it still holds */
};

struct neighbour {
	struct wheel_timer timer;
	struct neighbour *older, *newer; /* in the list of its state, by last use */
	struct neighbour *next;		 /* in its hash chain, or free */
	uint64_t confirmed_ns;
	uint64_t used_ns;
	uint32_t ip; /* host order */
	uint16_t vlan;
	uint8_t port; /* number in struct net */
	uint8_t state;
	uint8_t asked;
	uint8_t waiting_n;
	uint8_t mac[6];
	struct rte_mbuf *waiting[NET_WAITING_MAX]; /* oldest first */
};

/* What the cache needs of its owner. */
struct neighbour_ops {
	/* Sends a question: to the MAC if `unicast`, else to all. */
	void (*ask)(void *owner, const struct neighbour *neighbour, bool unicast);
	/* Consumes a packet that waited: the MAC is known now, or (`dropped`) never will be. */
	void (*release)(void *owner, const struct neighbour *neighbour, struct rte_mbuf *frame,
			bool dropped);
	/* A MAC that senders may have remembered does not hold any more. */
	void (*changed)(void *owner);
};

struct neighbours;

struct neighbours_stats {
	uint64_t evicted, unanswered;
};

/* NULL: no memory. `entries_max` at least 2; `random` keys the hash. */
struct neighbours *neighbours_create(const struct neighbour_ops *ops, void *owner,
				     struct clock *clock, unsigned entries_max, uint64_t random,
				     int socket);
/* Frees what waits. */
void neighbours_destroy(struct neighbours **neighbours);

/* Somebody is about to send there: asks if need be. Never NULL; borrowed until the next call. */
struct neighbour *neighbour_use(struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				uint32_t ip);
/* Consumes `frame` until the MAC is known; the state is NEIGHBOUR_ASKING. The oldest one too many
 * is dropped. */
void neighbour_wait(struct neighbours *neighbours, struct neighbour *neighbour,
		    struct rte_mbuf *frame);

/* The entry, or NULL. */
struct neighbour *neighbour_find(const struct neighbours *neighbours, uint8_t port, uint16_t vlan,
				 uint32_t ip);
/*
 * The address was heard with this MAC. Known entries are confirmed or, when the last confirmation
 * is NEIGHBOUR_LOCK_MS old or `trusted`, changed; unknown ones are added if `add`. Returns whether
 * the entry is new or its MAC changed.
 */
bool neighbour_heard(struct neighbours *neighbours, const struct net_neighbour *heard, uint8_t port,
		     bool add, bool trusted);

static inline bool neighbour_has_mac(const struct neighbour *neighbour)
{
	return neighbour->state >= NEIGHBOUR_KNOWN;
}

void neighbours_advance(struct neighbours *neighbours);
uint64_t neighbours_next_ns(const struct neighbours *neighbours);
void neighbours_stats(const struct neighbours *neighbours, struct neighbours_stats *stats_r);

#endif
