/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net of one core on a port that is not there: frames in are made by the test, frames out are
 * kept, the clock is set by hand. One world per test, main thread.
 *
 * Our side is 10.0.0.1/24 with gateway 10.0.0.254, and 10.7.0.1/16 in VLAN 7.
 */
#ifndef TESTS_NET_FIXTURE_H
#define TESTS_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "net.h"

enum {
	US = 0x0a000001,
	PEER = 0x0a000002,
	GATEWAY = 0x0a0000fe,
	FAR = 0xc0a80005,
	US_VLAN = 0x0a070001,
	PEER_VLAN = 0x0a070002,
	VLAN = 7,
	SENT_MAX = 8192,
	SECOND = 1000000000,
};

extern const uint8_t our_mac[6], peer_mac[6], other_mac[6], all_macs[6];

/* Stands for the port of port.h. */
struct port {
	unsigned owner; /* of every tuple */
	uint32_t tuple_src, tuple_dst;
	uint16_t tuple_src_port, tuple_dst_port;
	unsigned sent_n;
	struct rte_mbuf *sent[SENT_MAX];
	unsigned transmits;
	unsigned held; /* what the next transmits say that waits */
};

struct world {
	struct net_env env;
	struct clock clock;
	struct log log;
	struct port port;
	struct net *net;
	struct rte_mempool *pool;
	struct net_stats before; /* as of world_mark() */
	struct rte_mbuf *handed;
	unsigned handed_to;
	unsigned learnt_n;
	struct net_neighbour learnt;
	unsigned errors_n;
	uint8_t error_type, error_code;
	uint32_t error_mtu;
	uint8_t error_quoted[256];
	size_t error_quoted_len;
	unsigned log_lines;
};

/* What the next worlds do with fragments; dropped at first. */
extern struct net_fragments world_fragments;

/* cmocka's set-up and tear-down of a world in *state; the latter sees that nothing leaked. */
int world_setup(void **state);
int world_setup_two_cores(void **state);
int world_teardown(void **state);

/* A frame in parts of at most `part` bytes (0: one part). */
struct rte_mbuf *world_frame(struct world *world, const uint8_t *bytes, size_t len, size_t part);
/* Puts one frame in; the packet that came out, or NULL. */
struct rte_mbuf *world_input(struct world *world, struct rte_mbuf *frame);
/* The only frame sent since the last call, flushed first; NULL when there was none. */
struct rte_mbuf *world_sent(struct world *world);
void world_sent_free(struct world *world);
/* Counters grown since world_mark(). */
void world_mark(struct world *world);
struct net_stats world_grown(const struct world *world);

/* Bytes of a frame, grown at the end; checksums are right when they are built. */
struct bytes {
	uint8_t at[2048];
	size_t len;
};

void bytes_ethernet(struct bytes *bytes, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
void bytes_vlan(struct bytes *bytes, uint16_t tci, uint16_t type);
void bytes_ipv4(struct bytes *bytes, uint32_t src, uint32_t dst, uint8_t protocol,
		size_t payload_len);
void bytes_tcp(struct bytes *bytes, uint32_t src, uint32_t dst, uint16_t src_port,
	       uint16_t dst_port, size_t payload_len);
void bytes_echo(struct bytes *bytes, size_t payload_len);
void bytes_arp(struct bytes *bytes, uint16_t opcode, const uint8_t sender_mac[6],
	       uint32_t sender_ip, uint32_t target_ip);
/* Makes the checksum at `at + 10` of an IPv4 header right again. */
void bytes_ipv4_checksum(uint8_t *at);
/* RFC 1071, byte by byte: shares nothing with what is tested. */
uint16_t plain_sum(const uint8_t *at, size_t len, uint32_t sum);

void bytes_put16(uint8_t *at, uint16_t value);
void bytes_put32(uint8_t *at, uint32_t value);
uint16_t bytes_get16(const uint8_t *at);
uint32_t bytes_get32(const uint8_t *at);

/* A TCP frame from PEER to US with `payload_len` bytes. */
struct bytes tcp_frame(size_t payload_len);
/* An ARP frame from the peer. */
struct bytes arp_frame(uint16_t opcode, uint32_t sender_ip, uint32_t target_ip);
/* `ip` in sixteen bytes, IPv4-mapped. */
void mapped(uint8_t address_r[16], uint32_t ip);

/* EAL, then the group. For main(). */
int fixture_main(const char *name, const struct CMUnitTest *tests, size_t n);

#endif
