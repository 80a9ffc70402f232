/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum (RFC 1071) over bytes and over chains. DPDK 22.11's rte_raw_cksum_mbuf()
 * loses a carry when a part of a chain has an odd length; this one does not. Sums are in network
 * order as they lie in memory, so no byte is swapped but where a part begins at an odd offset.
 * Pure; any thread.
 */
#ifndef WIREMAP_CHECKSUM_H
#define WIREMAP_CHECKSUM_H

#include <rte_mbuf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* End-around carry: 2^64 - 1 is a multiple of 2^16 - 1, so 64-bit sums fold to the right one. */
static inline uint64_t checksum_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Adds `len` bytes to `sum`, which holds an even number of bytes so far (0 to begin). */
static inline uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t other = 0, word[2] = {0, 0}; /* two chains of additions run side by side */

	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(word, at, sizeof(word));
		sum = checksum_carry(sum, word[0]);
		other = checksum_carry(other, word[1]);
	}
	if (len > 0) {
		word[0] = word[1] = 0;
		memcpy(word, at, len);
		sum = checksum_carry(sum, word[0]);
		other = checksum_carry(other, word[1]);
	}
	return checksum_carry(sum, other);
}

/* The sum in 16 bits; its complement goes into a header. Over data with a right checksum: 0xffff.
 */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Adds bytes [offset, offset + len) of a chain, which has as many. */
static inline uint64_t checksum_add_chain(uint64_t sum, const struct rte_mbuf *chain,
					  uint32_t offset, uint32_t len)
{
	bool odd = false; /* the next part begins at an odd offset of the data */

	for (const struct rte_mbuf *part = chain; part != NULL && len > 0; part = part->next) {
		uint32_t here = part->data_len;
		uint64_t part_sum;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		here -= offset;
		here = here < len ? here : len;
		part_sum =
			checksum_add(0, rte_pktmbuf_mtod_offset(part, const void *, offset), here);
		if (odd)
			part_sum = __builtin_bswap16(checksum_fold(part_sum));
		sum = checksum_carry(sum, part_sum);
		odd ^= here & 1;
		len -= here;
		offset = 0;
	}
	return sum;
}

/* The pseudo header of RFC 9293 3.1: addresses in network order, the length in host order. */
static inline uint64_t checksum_pseudo(uint32_t src_ip, uint32_t dst_ip, uint8_t protocol,
				       uint16_t len)
{
	return (uint64_t)src_ip + dst_ip + __builtin_bswap16(protocol) + __builtin_bswap16(len);
}

#endif
