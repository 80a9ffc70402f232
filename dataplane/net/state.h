/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core's net from the inside: its links (ports), addresses, paths and counters, and what the
 * files of this folder ask of each other. Only the owning core touches it, but for the counters,
 * which any thread may read.
 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include <assert.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "fragments.h"
#include "limit.h"
#include "neighbour.h"
#include "net.h"

enum state_limits {
	ADDRESS_SLOTS = 2 * NET_ADDRESSES_MAX, /* of the hash table: half stay empty */
	/* Next hops whose headers are kept ready; a power of two. Two that share a slot are made
	 * anew by turns, at the cost of a look-up in the neighbour cache. */
	PATHS_MAX = 2048,
	/* A path is looked up again after so long, which tells the neighbour cache it is used. */
	PATH_NS_MAX = 1000 * 1000 * 1000,
	/* Between looks at a transmit queue that was full, while nothing else happens. */
	FULL_NS = 1000 * 1000,
	VLANS = 4096,
	LINK_NONE = PORT_COUNT_MAX, /* this core has no queue of the port */
	LINK_HEADER_BYTES_MAX = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN,
	/* Frames net makes itself: ARP, ICMP, copies of chains whose headers are in pieces. */
	POOL_FRAMES = 1023,
	POOL_CACHE = 64,
	IPV4_HEADER_BYTES_MAX = 60,
	TCP_HEADER_BYTES_MAX = 60,
	IPV4_TTL = 64,
};

/* A port this core has a queue of. */
struct link {
	struct port *port;
	unsigned queue;
	const unsigned *queue_core;
	uint32_t mtu;
	uint8_t mac[RTE_ETHER_ADDR_LEN];
	uint8_t vlans[VLANS / 8]; /* a bit for each that has an address; 0: untagged */
	bool full;		  /* the port holds frames that its queue had no room for */
	unsigned out_n;
	struct rte_mbuf *out[PORT_BURST_MAX]; /* until net_flush(), or full */
};

struct address {
	uint32_t ip; /* network order, as they lie in frames: this, and the next four */
	uint32_t mask;
	uint32_t broadcast; /* of the subnet; 0: it has none (RFC 3021) */
	uint32_t subnet;
	uint32_t gateway;
	uint16_t vlan;
	uint8_t link;		  /* or LINK_NONE */
	uint64_t defend_after_ns; /* when a claim to it is answered again */
};

/* The headers of packets from `src` by way of `next_hop`, but for what differs from packet to
 * packet: destination, length and type of service. */
struct path {
	uint64_t expires_ns;	/* 0: the MAC is not known */
	uint32_t src, next_hop; /* network order */
	uint32_t epoch;		/* of struct net; another one: some MAC changed since */
	uint32_t sum;		/* of the IPv4 header without those three fields */
	uint8_t link;
	uint8_t link_len;
	uint8_t link_header[LINK_HEADER_BYTES_MAX];
} __rte_cache_aligned;
static_assert(sizeof(struct path) == RTE_CACHE_LINE_SIZE, "one line a path");

/* Where the last segment went, and so most likely the next: the path, if it still holds. */
struct train {
	uint32_t src, dst, next_hop;
	struct path *path;
};

struct net {
	struct tcp_wire wire;
	struct train train;
	struct net_env *env;
	unsigned core, cores_n;
	uint32_t epoch;
	unsigned links_n;
	unsigned addresses_n;
	struct neighbours *neighbours;
	struct rte_mempool *pool;
	struct fragments *fragments; /* NULL: they are dropped */
	uint64_t hash_key;	     /* odd, secret: of the address and path tables */
	struct limit echo, error, arp_reply, learn;
	struct net_stats stats;
	uint16_t address_slots[ADDRESS_SLOTS]; /* index + 1; 0: empty */
	struct address addresses[NET_ADDRESSES_MAX];
	struct link links[PORT_COUNT_MAX];
	struct path paths[PATHS_MAX];
};

/* Plain additions on the core's side; relaxed so that another thread reads whole values. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void drop(struct rte_mbuf *frame, uint64_t *reason)
{
	count(reason, 1);
	rte_pktmbuf_free(frame);
}

static inline uint64_t net_now_ns(const struct net *net)
{
	return net->env->clock->mono_ns;
}

/* --- address.c --- */

/* Ours with this address, or NULL. Network order. */
struct address *address_find(struct net *net, uint32_t ip);
/* Ours with this address on this link and VLAN, or NULL. */
struct address *address_find_on(struct net *net, uint8_t link, uint16_t vlan, uint32_t ip);
/* 0 or -EINVAL: not an address a host may have, or there twice. */
int address_add(struct net *net, const struct net_address *config, uint8_t link);
/* Whether `ip` may be a neighbour on this link and VLAN: in a subnet of ours, or a gateway. */
bool address_is_near(const struct net *net, uint8_t link, uint16_t vlan, uint32_t ip);
/* Whether a host of the world, or one in the subnet of `ours`, may have this address. */
bool address_is_host(const struct address *ours, uint32_t ip);
/* Where to send packets for `dst` from `ours`: network order; 0: nowhere. */
uint32_t address_next_hop(const struct address *ours, uint32_t dst);

/* --- A frame on its way in --- */

struct arrival {
	struct net *net;
	struct rte_mbuf *frame;
	uint8_t link;
	bool handed;	   /* by another core: stays here */
	bool to_all;	   /* link-layer broadcast or multicast */
	uint16_t vlan;	   /* 0: untagged */
	uint16_t link_len; /* bytes before the ARP or IPv4 header */
	uint16_t ip_header_len, ip_len;
	struct address *to;
};

bool arrival_gather_parts(struct arrival *arrival, uint32_t need);

/* Makes the first `need` bytes lie in the first part of the frame. False: it has not as many, or
 * no memory. Pointers into the frame do not survive. */
static inline bool arrival_gather(struct arrival *arrival, uint32_t need)
{
	return likely(arrival->frame->data_len >= need) || arrival_gather_parts(arrival, need);
}

static inline struct rte_ipv4_hdr *arrival_ip(const struct arrival *arrival)
{
	return rte_pktmbuf_mtod_offset(arrival->frame, struct rte_ipv4_hdr *, arrival->link_len);
}

/* Whether another core owns the tuple; then the frame, still as it came, has gone there. */
bool arrival_hand_over(struct arrival *arrival, uint32_t src, uint32_t dst, uint16_t src_port,
		       uint16_t dst_port);

/* Cuts a chain to `len` bytes, which it has. */
void frame_trim(struct rte_mbuf *frame, uint32_t len);

/* Both consume the frame. */
void arp_input(struct arrival *arrival);
void icmp_input(struct arrival *arrival);
/* Consumes the frame and says to its sender that nobody is at home (RFC 1122 3.2.2.1). */
void icmp_unreachable(struct arrival *arrival, uint8_t code);

/* --- arp.c --- */

void arp_ask(void *net, const struct neighbour *neighbour, bool unicast);
void arp_announce(struct net *net, const struct address *address);

/* --- output.c --- */

void output_init(struct net *net);
/* Writes an Ethernet header, with a tag unless `vlan` is 0; returns its length. */
uint8_t link_header_write(uint8_t *at, const struct link *link, uint16_t vlan,
			  const uint8_t dst_mac[6], uint16_t type);
/* Consumes a frame complete but for what ol_flags leaves to the port. */
void link_put(struct net *net, struct link *link, struct rte_mbuf *frame);
/* A packet that waited for its neighbour. */
void output_release(void *net, const struct neighbour *neighbour, struct rte_mbuf *frame,
		    bool dropped);

#endif
