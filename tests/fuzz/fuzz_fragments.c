/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments into the reassembly. Each eight bytes of input are one fragment: of one of sixteen
 * packets of four sources, of any place and size, with or without more behind it, and how
 * much time goes by before. A byte of payload is a function of its packet and its place there, so
 * whatever comes out must be that to the end; and nothing leaks.
 */
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

#include "check.h"
#include "eal.h"
#include "fragments.h"

enum {
	ROW = 8,
	LINK = 14,
	HEADER = 20,
	MTU = 1500,
	HELD_MAX = 64,
	TIMEOUT_MS = 1000,
	MS = 1000000,
};

static struct fragments *fragments;
static struct rte_mempool *pool;
static struct net_stats stats;
static uint64_t now_ns = MS;

static uint8_t byte_at(uint32_t source, uint16_t id, uint32_t at)
{
	return (uint8_t)(source * 31 + id * 7 + at * 131 + (at >> 8));
}

static struct rte_mbuf *fragment_make(uint32_t source, uint16_t id, uint16_t field, uint16_t len,
				      uint8_t tos)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);
	struct rte_ipv4_hdr *ip;
	uint8_t *payload;

	ASSERT(frame != NULL);
	ip = (struct rte_ipv4_hdr *)(void *)(rte_pktmbuf_append(frame,
								(uint16_t)(LINK + HEADER + len)) +
					     LINK);
	payload = (uint8_t *)(ip + 1);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16((uint16_t)(HEADER + len)),
		.packet_id = rte_cpu_to_be_16(id),
		.fragment_offset = rte_cpu_to_be_16(field),
		.next_proto_id = IPPROTO_TCP,
		.src_addr = source + 1,
		.dst_addr = 1,
	};
	for (uint32_t k = 0; k < len; k++)
		payload[k] = byte_at(source, id, (field & 0x1fffu) * 8 + k);
	return frame;
}

static void whole_check(struct rte_mbuf *whole)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(whole, const struct rte_ipv4_hdr *, LINK);
	uint32_t at = 0, skip = LINK + HEADER;

	rte_mbuf_sanity_check(whole, 1);
	ASSERT(whole->l2_len == LINK && whole->l3_len == HEADER);
	ASSERT((ip->fragment_offset & RTE_BE16(0x3fff)) == 0);
	ASSERT(whole->pkt_len == LINK + (uint32_t)rte_be_to_cpu_16(ip->total_length));
	for (const struct rte_mbuf *part = whole; part != NULL; part = part->next, skip = 0)
		for (uint32_t k = skip; k < part->data_len; k++, at++)
			ASSERT(rte_pktmbuf_mtod(part, const uint8_t *)[k] ==
			       byte_at(ip->src_addr - 1, rte_be_to_cpu_16(ip->packet_id), at));
	ASSERT(LINK + HEADER + at == whole->pkt_len);
	rte_pktmbuf_free(whole);
}

static void row_take(const uint8_t row[ROW])
{
	uint16_t field = (uint16_t)((row[1] & 0x3f) << 8 | row[2]);
	uint16_t len = (uint16_t)((row[3] << 8 | row[4]) % (MTU - HEADER + 1));
	struct rte_mbuf *whole;

	/* In fours of 32 bytes, which often fit together, unless the input insists. */
	if (!(row[1] & 0x80)) {
		field = (uint16_t)((row[2] & 3) << 2 | (row[1] & 1 ? 0x2000 : 0));
		len = row[4] & 1 ? 64 : 32;
	}
	now_ns += (uint64_t)row[5] * MS / 4;
	fragments_advance(fragments, now_ns, &stats);
	whole = fragments_take(fragments,
			       fragment_make(row[0] & 3, row[0] >> 2 & 15, field, len, row[6] & 3),
			       LINK, HEADER, now_ns, &stats);
	if (whole != NULL)
		whole_check(whole);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct net_config config = {
		.fragments = {HELD_MAX, TIMEOUT_MS}, .socket = -1, .name = "fuzz"};

	(void)argc;
	(void)argv;
	ASSERT(eal_start(64) == 0);
	pool = rte_pktmbuf_pool_create("frames", 7, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ASSERT(pool != NULL &&
	       fragments_create(&config, MTU, 0x9e3779b97f4a7c15u, &fragments) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (; size >= ROW; data += ROW, size -= ROW)
		row_take(data);
	while (fragments_next_ns(fragments) != UINT64_MAX) {
		now_ns += 2ull * TIMEOUT_MS * MS;
		fragments_advance(fragments, now_ns, &stats);
	}
	ASSERT(rte_mempool_full(pool));
	ASSERT(rte_mempool_full(rte_mempool_lookup("fuzz.fragments")));
	return 0;
}
