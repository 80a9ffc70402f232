/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 packets as they are on the simulated wire: whole, with true checksums, and with
 * PACKET_SLACK readable bytes behind them. Fields are reached through DPDK's header structs.
 */
#ifndef WIREMAP_TESTS_SIM_PACKET_H
#define WIREMAP_TESTS_SIM_PACKET_H

#include <rte_ip.h>
#include <rte_tcp.h>

#include "options.h"
#include "segment.h"

enum {
	PACKET_IP_BYTES = sizeof(struct rte_ipv4_hdr),
	PACKET_TCP_BYTES = sizeof(struct rte_tcp_hdr),
	PACKET_BYTES_MAX = 65535,
	/* Readable behind every packet: what a data offset that lies may point at. */
	PACKET_SLACK = 64,
	/* Kinds of options, as IANA numbers them. */
	PACKET_END = 0,
	PACKET_NOP = 1,
	PACKET_MSS = 2,
	PACKET_SCALE = 3,
	PACKET_SACK_PERMITTED = 4,
	PACKET_SACK = 5,
	PACKET_TIMESTAMPS = 8,
};

static inline struct rte_ipv4_hdr *packet_ip(uint8_t *bytes)
{
	return (struct rte_ipv4_hdr *)bytes;
}

static inline struct rte_tcp_hdr *packet_tcp(uint8_t *bytes)
{
	return (struct rte_tcp_hdr *)(bytes + PACKET_IP_BYTES);
}

static inline uint32_t packet_header_bytes(uint8_t *bytes)
{
	return PACKET_IP_BYTES + (packet_tcp(bytes)->data_off >> 4) * 4U;
}

static inline uint8_t *packet_options(uint8_t *bytes)
{
	return bytes + PACKET_IP_BYTES + PACKET_TCP_BYTES;
}

/* The options' bytes, padding included. */
static inline uint32_t packet_options_bytes(uint8_t *bytes)
{
	uint32_t header = packet_header_bytes(bytes), fixed = PACKET_IP_BYTES + PACKET_TCP_BYTES;

	return header > fixed ? header - fixed : 0;
}

static inline bool packet_is_tcp(uint8_t *bytes)
{
	return packet_ip(bytes)->next_proto_id == IPPROTO_TCP;
}

/* Nothing but an acknowledgement. */
static inline bool packet_is_pure_ack(uint8_t *bytes, uint16_t len)
{
	return packet_is_tcp(bytes) && packet_tcp(bytes)->tcp_flags == SEGMENT_ACK &&
	       len == packet_header_bytes(bytes);
}

/* The option of this kind, or NULL. */
uint8_t *packet_option(uint8_t *bytes, uint8_t kind);

/* Writes the IPv4 header before what is there, and both checksums. Addresses are mapped ones. */
void packet_finish(uint8_t *bytes, uint16_t len, uint8_t protocol, const uint8_t src[16],
		   const uint8_t dst[16], uint8_t tos);
/* Makes the checksums true again after a change. */
void packet_seal(uint8_t *bytes, uint16_t len);
/* Whether net/ would let it through: by its IPv4 header, and as a whole. */
bool packet_ip_intact(uint8_t *bytes, uint16_t len);
bool packet_intact(uint8_t *bytes, uint16_t len);

/* One line for people. */
void packet_print(uint8_t *bytes, uint16_t len, char *text, size_t room);

#endif
