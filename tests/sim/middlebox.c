/* SPDX-License-Identifier: Apache-2.0 */
#include "middlebox.h"

#include <string.h>

static uint32_t get32(const uint8_t *bytes)
{
	rte_be32_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_32(value);
}

static void put32(uint8_t *bytes, uint32_t value)
{
	rte_be32_t swapped = rte_cpu_to_be_32(value);

	memcpy(bytes, &swapped, sizeof(swapped));
}

static enum middlebox_where where_of(const struct rte_tcp_hdr *tcp)
{
	if (!(tcp->tcp_flags & SEGMENT_SYN))
		return BOX_DATA;
	return tcp->tcp_flags & SEGMENT_ACK ? BOX_SYN_ACK : BOX_SYN;
}

/* An option becomes padding, as most boxes do it: nothing moves. */
static bool strip(const struct middlebox_config *config, uint8_t *bytes, bool late)
{
	enum middlebox_where where = where_of(packet_tcp(bytes));
	uint8_t *option;

	if (!(config->strip_where & where) || (where == BOX_DATA && late))
		return false;
	option = packet_option(bytes, config->strip_kind);
	if (option == NULL)
		return false;
	memset(option, PACKET_NOP, option[1]);
	return true;
}

static bool window_rewrite(const struct middlebox_config *config, struct rte_tcp_hdr *tcp,
			   bool late)
{
	uint32_t window = rte_be_to_cpu_16(tcp->rx_win), was = window;

	if (tcp->tcp_flags & (SEGMENT_SYN | SEGMENT_RST) || late)
		return false;
	window <<= config->window_shift;
	if (window > UINT16_MAX)
		window = UINT16_MAX;
	if (config->window_max != 0 && window > config->window_max)
		window = config->window_max;
	tcp->rx_win = rte_cpu_to_be_16((uint16_t)window);
	return window != was;
}

static bool mss_rewrite(const struct middlebox_config *config, uint8_t *bytes)
{
	uint8_t *mss = packet_option(bytes, PACKET_MSS);

	if (config->mss_max == 0 || mss == NULL || mss[1] != 4 ||
	    (mss[2] << 8 | mss[3]) <= config->mss_max)
		return false;
	mss[2] = (uint8_t)(config->mss_max >> 8);
	mss[3] = (uint8_t)config->mss_max;
	return true;
}

static bool bleach(uint8_t *bytes)
{
	struct rte_ipv4_hdr *ip = packet_ip(bytes);
	struct rte_tcp_hdr *tcp = packet_tcp(bytes);
	bool marked = ip->type_of_service & ECN_MASK, syn = tcp->tcp_flags & SEGMENT_SYN;

	ip->type_of_service &= (uint8_t)~ECN_MASK;
	if (syn)
		tcp->tcp_flags &= (uint8_t) ~(SEGMENT_ECE | SEGMENT_CWR);
	return marked || syn;
}

/* The well-known bug: numbers in the header are moved, those in SACK blocks are not. */
static bool sequence_rewrite(const struct middlebox_config *config, unsigned from,
			     struct rte_tcp_hdr *tcp)
{
	uint8_t *seq = (uint8_t *)&tcp->sent_seq, *ack = (uint8_t *)&tcp->recv_ack;

	if (config->shift[0] == 0 && config->shift[1] == 0)
		return false;
	put32(seq, get32(seq) + config->shift[from]);
	if (tcp->tcp_flags & SEGMENT_ACK)
		put32(ack, get32(ack) - config->shift[!from]);
	return true;
}

bool middlebox_pass(const struct middlebox *box, unsigned from, uint8_t *bytes, uint16_t len,
		    bool late)
{
	const struct middlebox_config *config = &box->config;
	struct rte_tcp_hdr *tcp = packet_tcp(bytes);
	bool meddled = false;

	if (!packet_is_tcp(bytes))
		return false;
	if (config->strip_kind != 0)
		meddled |= strip(config, bytes, late);
	if (config->window_max != 0 || config->window_shift != 0)
		meddled |= window_rewrite(config, tcp, late);
	meddled |= mss_rewrite(config, bytes);
	if (config->bleach)
		meddled |= bleach(bytes);
	meddled |= sequence_rewrite(config, from, tcp);
	if (meddled)
		packet_seal(bytes, len);
	return meddled;
}

bool middlebox_fatal(const struct middlebox_config *config)
{
	return config->strip_kind == PACKET_TIMESTAMPS && config->strip_where != BOX_SYN;
}
