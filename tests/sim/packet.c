/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <rte_icmp.h>
#include <stdio.h>
#include <string.h>

uint8_t *packet_option(uint8_t *bytes, uint8_t kind)
{
	uint8_t *at = packet_options(bytes), *end = at + packet_options_bytes(bytes);

	while (at < end && *at != PACKET_END) {
		if (*at == kind)
			return at;
		if (*at == PACKET_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			break;
		at += at[1];
	}
	return NULL;
}

static uint16_t icmp_checksum(uint8_t *bytes, uint16_t len)
{
	return (uint16_t)~rte_raw_cksum(bytes + PACKET_IP_BYTES, len - PACKET_IP_BYTES);
}

void packet_seal(uint8_t *bytes, uint16_t len)
{
	struct rte_ipv4_hdr *ip = packet_ip(bytes);
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(bytes + PACKET_IP_BYTES);

	ip->total_length = rte_cpu_to_be_16(len);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (ip->next_proto_id == IPPROTO_TCP) {
		packet_tcp(bytes)->cksum = 0;
		packet_tcp(bytes)->cksum = rte_ipv4_udptcp_cksum(ip, packet_tcp(bytes));
	} else {
		icmp->icmp_cksum = 0;
		icmp->icmp_cksum = icmp_checksum(bytes, len);
	}
}

void packet_finish(uint8_t *bytes, uint16_t len, uint8_t protocol, const uint8_t src[16],
		   const uint8_t dst[16], uint8_t tos)
{
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .type_of_service = tos,
				  .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
				  .time_to_live = 64,
				  .next_proto_id = protocol};

	memcpy(&ip.src_addr, src + 12, 4);
	memcpy(&ip.dst_addr, dst + 12, 4);
	memcpy(bytes, &ip, sizeof(ip));
	packet_seal(bytes, len);
}

bool packet_ip_intact(uint8_t *bytes, uint16_t len)
{
	struct rte_ipv4_hdr *ip = packet_ip(bytes);

	return ip->version_ihl == RTE_IPV4_VHL_DEF && rte_be_to_cpu_16(ip->total_length) == len &&
	       rte_raw_cksum(ip, sizeof(*ip)) == UINT16_MAX;
}

bool packet_intact(uint8_t *bytes, uint16_t len)
{
	struct rte_ipv4_hdr *ip = packet_ip(bytes);

	if (!packet_ip_intact(bytes, len))
		return false;
	/* No room for a checksum: the TCP has to see that itself. */
	if (len < PACKET_IP_BYTES + PACKET_TCP_BYTES)
		return true;
	if (ip->next_proto_id == IPPROTO_TCP)
		return rte_ipv4_udptcp_cksum_verify(ip, packet_tcp(bytes)) == 0;
	return ip->next_proto_id == IPPROTO_ICMP && icmp_checksum(bytes, len) == 0;
}

static uint32_t get32(const uint8_t *bytes)
{
	rte_be32_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_32(value);
}

static size_t options_print(uint8_t *bytes, char *text, size_t room)
{
	uint8_t *mss = packet_option(bytes, PACKET_MSS),
		*scale = packet_option(bytes, PACKET_SCALE);
	uint8_t *stamp = packet_option(bytes, PACKET_TIMESTAMPS);
	uint8_t *sack = packet_option(bytes, PACKET_SACK);
	size_t n = 0;

	if (mss != NULL)
		n += (size_t)snprintf(text + n, room - n, " mss %u", get32(mss) & 0xffff);
	if (scale != NULL)
		n += (size_t)snprintf(text + n, room - n, " scale %u", scale[2]);
	if (packet_option(bytes, PACKET_SACK_PERMITTED) != NULL)
		n += (size_t)snprintf(text + n, room - n, " sack-permitted");
	if (stamp != NULL)
		n += (size_t)snprintf(text + n, room - n, " ts %u %u", get32(stamp + 2),
				      get32(stamp + 6));
	for (unsigned i = 0; sack != NULL && i < sack[1] / 8U && i < OPTIONS_BLOCKS_MAX; i++)
		n += (size_t)snprintf(text + n, room - n, " sack %u-%u", get32(sack + 2 + 8 * i),
				      get32(sack + 6 + 8 * i));
	return n;
}

void packet_print(uint8_t *bytes, uint16_t len, char *text, size_t room)
{
	static const char names[] = "FSRPAUEC", ecn[] = "-10!";
	const struct rte_tcp_hdr *tcp = packet_tcp(bytes);
	char flags[9] = "........";
	size_t n;

	if (!packet_is_tcp(bytes)) {
		snprintf(text, room, "icmp type %u code %u mtu %u", bytes[PACKET_IP_BYTES],
			 bytes[PACKET_IP_BYTES + 1], get32(bytes + PACKET_IP_BYTES + 4) & 0xffff);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		if (tcp->tcp_flags & 1U << i)
			flags[i] = names[i];
	n = (size_t)snprintf(text, room, "%u > %u %s ecn %c seq %u len %u ack %u window %u",
			     rte_be_to_cpu_16(tcp->src_port), rte_be_to_cpu_16(tcp->dst_port),
			     flags, ecn[packet_ip(bytes)->type_of_service & ECN_MASK],
			     rte_be_to_cpu_32(tcp->sent_seq), len - packet_header_bytes(bytes),
			     rte_be_to_cpu_32(tcp->recv_ack), rte_be_to_cpu_16(tcp->rx_win));
	options_print(bytes, text + n, room - n);
}
