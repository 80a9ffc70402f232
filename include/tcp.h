/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCP of one core: IPv4 packets in, byte streams out (stream.h), and back.
 * It knows nothing of Ethernet, ports, threads or mail. Clock, randomness, packet
 * output and the timing wheel's time are handed in, so tests/sim drives it in
 * virtual time. One core owns a `struct tcp`; no call blocks or locks.
 *
 * A loop turn is: tcp_input() with the whole burst, tcp_advance() for the timers,
 * tcp_produce() until it has no more for this turn. Frames leave through the wire.
 */
#ifndef WIREMAP_TCP_H
#define WIREMAP_TCP_H

#include "clock.h"
#include "log.h"
#include "stream.h"

struct rte_mbuf;
struct rte_mempool;
struct tcp;

/* Where segments go. Implemented by net/, by the simulator, by tests. */
struct tcp_wire {
	/*
	 * Consumes `segment`: data begins at the TCP header, which is complete but for the
	 * checksum (left zero); headroom for IPv4 and Ethernet with a VLAN tag is free. It may be
	 * a chain whose later parts are slices of shared memory: nobody may write to those.
	 * l4_len is set. With RTE_MBUF_F_TX_TCP_SEG in ol_flags tso_segsz is set, too. Addresses
	 * are as in stream_info. Never fails: what goes far beyond a full queue is dropped, as a
	 * wire would.
	 */
	void (*send)(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
		     const uint8_t dst[16], uint8_t tos);
	/* Largest IPv4 packet towards `dst`, bytes. */
	uint32_t (*mtu)(struct tcp_wire *wire, const uint8_t dst[16]);
	/*
	 * Queues that are full now, changed by the wire at any send and when the loop flushes it.
	 * Not 0: is_full() tells whether it is the one that segments from `src` take. New data then
	 * waits for a later turn instead of being lost next door.
	 */
	unsigned full;
	bool (*is_full)(struct tcp_wire *wire, const uint8_t src[16]);
	uint32_t tso_bytes_max; /* payload of one TSO segment, 0 without TSO */
	uint32_t segments_max;	/* parts of a chain the port can send; 1: linearise */
};

enum tcp_congestion { TCP_NEWRENO, TCP_CUBIC };

/* RFC 3168: accepted from a peer that asks; asked for, too; neither. */
enum tcp_ecn { TCP_ECN_PASSIVE, TCP_ECN_ON, TCP_ECN_OFF };

struct tcp_config {
	uint32_t connections_max;
	uint32_t listeners_max;
	uint32_t syn_received_max; /* half-open; beyond it SYNs are answered with cookies */
	/* Of one source address, 0: no limit. Half-open connections, beyond which it gets cookies;
	 * connections, beyond which it gets RST; SYNs a second, of which the rest are dropped. */
	uint32_t source_syn_received_max;
	uint32_t source_connections_max;
	uint32_t source_syns_per_s;
	uint32_t time_wait_max;
	uint32_t receive_bytes_max; /* per connection, the largest window offered */
	uint32_t send_bytes_max;    /* per connection, unacknowledged and unsent */
	uint32_t packet_memory_bytes;
	/* Segments that vanish become smaller, what is smaller for a path is tried larger later
	 * (RFC 4821). */
	bool path_mtu_probing;
	uint32_t quantum_ns; /* about how long one connection may produce in a turn */
	enum tcp_congestion congestion;
	enum tcp_ecn ecn;
	int socket;	    /* NUMA node, or -1 */
	uint8_t secret[16]; /* SipHash key of ISNs and of the tuple hash (RFC 6528) */
	const char *name;   /* names memory pools; unique in the process */
	/* Answers whether this core owns the tuple; picks ports for active opens. NULL: all. */
	bool (*owns)(void *owner, const uint8_t local[16], uint16_t local_port,
		     const uint8_t peer[16], uint16_t peer_port);
	void *owner;
};

struct tcp_env {
	struct clock *clock;
	struct log *log;
	struct tcp_wire *wire;
	/* Random bits for what need not be secret: ephemeral ports, jitter. */
	uint64_t (*random)(struct tcp_env *env);
};

/* Counters, one per mechanism and drop, all monotonic. The list is the documentation. */
#define TCP_COUNTERS(X)                                                                            \
	X(segments_in)                                                                             \
	X(segments_out)                                                                            \
	X(bytes_in)                                                                                \
	X(bytes_out)                                                                               \
	X(header_prediction)                                                                       \
	X(opened_passive)                                                                          \
	X(opened_active)                                                                           \
	X(closed)                                                                                  \
	X(reset_sent)                                                                              \
	X(reset_received)                                                                          \
	X(reset_ignored)                                                                           \
	X(resets_limited)                                                                          \
	X(retransmit_timeout)                                                                      \
	X(retransmit_fast)                                                                         \
	X(retransmit_rack)                                                                         \
	X(retransmit_segments)                                                                     \
	X(duplicate_acks)                                                                          \
	X(recoveries)                                                                              \
	X(recovery_spurious)                                                                       \
	X(rto_spurious)                                                                            \
	X(limited_transmits)                                                                       \
	X(tlp_probes)                                                                              \
	X(tlp_recovered)                                                                           \
	X(sacks_in)                                                                                \
	X(sack_ignored)                                                                            \
	X(dsacks_in)                                                                               \
	X(reneged)                                                                                 \
	X(rtt_samples)                                                                             \
	X(out_of_order)                                                                            \
	X(out_of_order_dropped)                                                                    \
	X(sack_blocks_out)                                                                         \
	X(dsacks_out)                                                                              \
	X(reneged_out)                                                                             \
	X(path_mtu_lowered)                                                                        \
	X(path_mtu_raised)                                                                         \
	X(path_mtu_disbelieved)                                                                    \
	X(path_mtu_known)                                                                          \
	X(icmp_disbelieved)                                                                        \
	X(icmp_soft)                                                                               \
	X(mtu_trials)                                                                              \
	X(mtu_trials_arrived)                                                                      \
	X(mtu_black_holes)                                                                         \
	X(mtu_black_holes_refuted)                                                                 \
	X(mtu_black_holes_proved)                                                                  \
	X(mtu_searches_displaced)                                                                  \
	X(mtu_probes)                                                                              \
	X(mtu_probes_lost)                                                                         \
	X(window_tuned)                                                                            \
	X(acks_coalesced)                                                                          \
	X(acks_delayed)                                                                            \
	X(window_probes)                                                                           \
	X(keepalives)                                                                              \
	X(challenge_acks)                                                                          \
	X(challenges_limited)                                                                      \
	X(copy_acks)                                                                               \
	X(paws_dropped)                                                                            \
	X(window_dropped)                                                                          \
	X(flags_dropped)                                                                           \
	X(text_ignored)                                                                            \
	X(malformed)                                                                               \
	X(syn_dropped)                                                                             \
	X(syn_limited)                                                                             \
	X(cookies_sent)                                                                            \
	X(cookies_accepted)                                                                        \
	X(cookies_failed)                                                                          \
	X(connections_refused)                                                                     \
	X(source_refused)                                                                          \
	X(source_invalid)                                                                          \
	X(unread_resets)                                                                           \
	X(wire_full)                                                                               \
	X(memory_dropped)                                                                          \
	X(time_wait)                                                                               \
	X(time_wait_reused)                                                                        \
	X(time_wait_evicted)                                                                       \
	X(time_wait_ignored)                                                                       \
	X(timeouts)                                                                                \
	X(hystart_exits)                                                                           \
	X(cwnd_restarts)                                                                           \
	X(pacing_waits)                                                                            \
	X(ecn_connections)                                                                         \
	X(ecn_ce_in)                                                                               \
	X(ecn_ece_in)                                                                              \
	X(ecn_reduced)

struct tcp_stats {
#define TCP_COUNTER_FIELD(name) uint64_t name;
	TCP_COUNTERS(TCP_COUNTER_FIELD)
#undef TCP_COUNTER_FIELD
	uint64_t connections;  /* now; not monotonic */
	uint64_t syn_received; /* of them, half-open */
};

/* 0 and *tcp_r, or -errno: -EINVAL for a limit that is zero or a window out of range, -ENOTSUP for
 * a congestion control that is not built, -ENOMEM. EAL must be initialised (--no-huge serves).
 * All memory is taken here; later calls allocate from pools only. `env` must outlive the tcp. The
 * calls that follow come from one thread, which should be an EAL one or registered with
 * rte_thread_register(): others go without the pools' caches. */
int tcp_create(const struct tcp_config *config, struct tcp_env *env, struct tcp **tcp_r);
/* Resets nothing, sends nothing: every session gets closed(STREAM_ABORTED), memory goes back. */
void tcp_destroy(struct tcp **tcp);

/* Connections to addr:port go to `app`. A zero addr (16 zero bytes) takes every address net/
 * accepts. 0, -EADDRINUSE, -ENOSPC. `app` must outlive the tcp. */
int tcp_listen(struct tcp *tcp, const uint8_t addr[16], uint16_t port, struct stream_app *app);

/*
 * Active open (RFC 9293 3.10.1) from `local`; local_port 0 picks an ephemeral port (RFC 6056)
 * that this core owns. app->open() is called when established, app_ref of the connection in
 * *ref_r now. 0, -EADDRNOTAVAIL (no port free), -ENOBUFS (limits). A refused or timed-out open
 * calls `failed`.
 */
typedef void tcp_open_failed(struct stream_app *app, struct stream_ref ref,
			     enum stream_reason reason);
int tcp_connect(struct tcp *tcp, const uint8_t local[16], uint16_t local_port,
		const uint8_t peer[16], uint16_t peer_port, struct stream_app *app,
		tcp_open_failed *failed, struct stream_ref *ref_r);

/*
 * Takes a burst of packets; consumes every mbuf. For each: data begins at the IP header,
 * l3_len is its length, pkt_len is trimmed to the IP total length, the header is valid and
 * unfragmented, the TCP checksum has been verified. May be a chain.
 */
void tcp_input(struct tcp *tcp, struct rte_mbuf *const *packets, unsigned n);

/* An ICMP error about one of our segments: `quoted` is the embedded IP packet (RFC 5927). */
void tcp_icmp(struct tcp *tcp, uint8_t type, uint8_t code, uint32_t mtu, struct span quoted);

/* Runs the timers that are due, by env->clock. */
void tcp_advance(struct tcp *tcp);

/* Lets touched connections produce and transmits, until done or `deadline_ns` (clock time) has
 * passed. Returns true when some connection could go on at once: do not sleep. */
bool tcp_produce(struct tcp *tcp, uint64_t deadline_ns);

/* When tcp_advance() has something to do next, clock time; UINT64_MAX: never. */
uint64_t tcp_next_ns(const struct tcp *tcp);

/* For stream_ref users on this core. */
struct stream_transport *tcp_transport(struct tcp *tcp);
void tcp_stats(const struct tcp *tcp, struct tcp_stats *stats_r);

/* No new connections from now on; drain() goes to every session, at most `per_turn` a turn and
 * about `per_s` a second (0: as fast as turns go). Called again it changes the pace. */
void tcp_drain(struct tcp *tcp, unsigned per_turn, uint32_t per_s);

#endif
