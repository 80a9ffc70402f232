/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethernet, ARP, IPv4 and ICMP of one core: frames of the core's queues in, validated TCP
 * packets out to tcp_input(), and segments of the TCP out as frames (it implements
 * struct tcp_wire). A frame whose connection another core owns is handed over; an ARP entry
 * learnt here is told to all cores. One core owns a `struct net`; no call blocks or locks.
 *
 * A loop turn is: net_input() with each queue's burst, net_input_handed() with what other cores
 * sent, the TCP's turn, net_advance(), net_flush().
 */
#ifndef WIREMAP_NET_H
#define WIREMAP_NET_H

#include "clock.h"
#include "log.h"
#include "port.h"
#include "span.h"
#include "tcp.h"

struct net;

enum net_limits {
	NET_ADDRESSES_MAX = 256,   /* of ours, on all ports */
	NET_NEIGHBOURS_MAX = 4096, /* ARP entries of a core; the oldest unused one gives way */
	NET_WAITING_MAX = 3, /* packets held for one unresolved neighbour (RFC 1122 2.3.2.2) */
};

struct net_address {	  /* one of ours */
	uint32_t ip;	  /* host order */
	uint8_t prefix;	  /* bits */
	uint16_t vlan;	  /* 0: untagged */
	uint32_t gateway; /* host order, 0: none */
	struct port *port;
};

struct net_port {
	struct port *port;
	unsigned queue;		    /* this core's pair; it transmits there */
	const unsigned *queue_core; /* core number that polls each queue of the port */
};

/* IPv4 reassembly; see net/fragments.h. */
struct net_fragments {
	uint32_t held_max;   /* fragments that wait for others, 8 at least; 0: none may */
	uint32_t timeout_ms; /* from the first fragment of a packet to its last */
};

struct net_config {
	const struct net_port *ports; /* those this core has a queue of */
	unsigned ports_n;
	const struct net_address *addresses; /* of all ports */
	unsigned addresses_n;
	unsigned core; /* this core's number */
	unsigned cores_n;
	struct net_fragments fragments;
	int socket;	  /* NUMA node, or -1 */
	const char *name; /* names memory pools; unique in the process */
};

/* An ARP entry on its way to the other cores. */
struct net_neighbour {
	uint32_t ip;   /* host order */
	uint16_t vlan; /* 0: untagged */
	uint8_t mac[6];
	struct port *port;
};

/* What net needs of its loop; embedded by it. */
struct net_env {
	struct clock *clock;
	struct log *log;
	uint64_t (*random)(struct net_env *env);
	/* Consumes `frame`, as it came from `port`: it belongs to `core`. It may be dropped. */
	void (*hand_over)(struct net_env *env, unsigned core, struct port *port,
			  struct rte_mbuf *frame);
	/* Learnt or changed here; the loop has net_neighbour_put() called on the other cores. */
	void (*learnt)(struct net_env *env, const struct net_neighbour *neighbour);
	/* An ICMP error about a TCP segment of ours whose tuple this core owns; see tcp_icmp(). */
	void (*icmp_error)(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
			   struct span quoted);
};

/* One counter per kind of frame and reason to drop one. The list is the documentation. */
#define NET_COUNTERS(X)                                                                            \
	X(frames_in)                                                                               \
	X(frames_out)                                                                              \
	X(tcp_in)                                                                                  \
	X(handed_over)                                                                             \
	X(arp_requests_in)                                                                         \
	X(arp_replies_in)                                                                          \
	X(arp_requests_out)                                                                        \
	X(arp_replies_out)                                                                         \
	X(arp_unanswered)                                                                          \
	X(arp_malformed)                                                                           \
	X(arp_limited)                                                                             \
	X(arp_conflicts)                                                                           \
	X(arp_ignored)                                                                             \
	X(neighbours_evicted)                                                                      \
	X(memory_dropped)                                                                          \
	X(waiting_dropped)                                                                         \
	X(no_route)                                                                                \
	X(echo_replies)                                                                            \
	X(icmp_errors_in)                                                                          \
	X(icmp_errors_out)                                                                         \
	X(icmp_limited)                                                                            \
	X(icmp_malformed)                                                                          \
	X(icmp_ignored)                                                                            \
	X(ethernet_short)                                                                          \
	X(ethernet_other)                                                                          \
	X(vlan_other)                                                                              \
	X(ip_malformed)                                                                            \
	X(ip_checksum)                                                                             \
	X(ip_not_ours)                                                                             \
	X(ip_source)                                                                               \
	X(ip_options)                                                                              \
	X(fragments)                                                                               \
	X(fragments_in)                                                                            \
	X(fragments_joined)                                                                        \
	X(fragments_malformed)                                                                     \
	X(fragments_limited)                                                                       \
	X(fragments_given_up)                                                                      \
	X(tcp_malformed)                                                                           \
	X(tcp_checksum)                                                                            \
	X(protocol_other)

struct net_stats {
#define NET_COUNTER_FIELD(name) uint64_t name;
	NET_COUNTERS(NET_COUNTER_FIELD)
#undef NET_COUNTER_FIELD
};

/* 0 and *net_r, or -EINVAL (an address no host may have, or there twice; a limit exceeded),
 * -ENOMEM. `env` must outlive it. Announces nothing yet. */
int net_create(const struct net_config *config, struct net_env *env, struct net **net_r);
void net_destroy(struct net **net);

/*
 * Consumes a burst of frames from `port`. Answers ARP and ICMP echo, hands over what another core
 * owns, and writes the TCP packets for this core to packets_r[] as tcp_input() wants them.
 * packets_r has room for `n`. Returns how many.
 */
unsigned net_input(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
		   struct rte_mbuf **packets_r);
/* The same for frames that another core handed over: never hands over again. */
unsigned net_input_handed(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
			  struct rte_mbuf **packets_r);

/* Where the TCP of this core sends. */
struct tcp_wire *net_tcp_wire(struct net *net);

/* Whether this core owns the tuple, by port_owner() of the port that has `local`; for
 * tcp_config.owns, whose `owner` is the net. */
bool net_owns(void *net, const uint8_t local[16], uint16_t local_port, const uint8_t peer[16],
	      uint16_t peer_port);

/* An entry another core learnt. */
void net_neighbour_put(struct net *net, const struct net_neighbour *neighbour);

/* Sends a gratuitous ARP for every address of ours (RFC 5944 4.6, RFC 5227 2.3); core 0 does so at
 * the start. */
void net_announce(struct net *net);

/* ARP timers, by env->clock. */
void net_advance(struct net *net);
/* When net_advance() or net_flush() has something to do next, clock time; UINT64_MAX: never. */
uint64_t net_next_ns(const struct net *net);

/* Transmits what was collected, one burst per port. */
void net_flush(struct net *net);

void net_stats(const struct net *net, struct net_stats *stats_r);

#endif
