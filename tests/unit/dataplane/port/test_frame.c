/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "eal.h"
#include "frame.h"

enum { L2 = 14, L3 = 20, L4 = 32, HEADERS = L2 + L3 + L4, ROOM = 2048, FRAMES = 2047 };

static struct rte_mempool *pool;

static int group_setup(void **state)
{
	(void)state;
	pool = rte_pktmbuf_pool_create("frames", FRAMES, 0, 0, RTE_PKTMBUF_HEADROOM + ROOM,
				       SOCKET_ID_ANY);
	return pool == NULL ? -1 : 0;
}

static void assert_all_free(void)
{
	assert_true(rte_mempool_full(pool));
}

static uint8_t payload_byte(uint32_t k)
{
	return (uint8_t)(k * 7 + (k >> 8));
}

/* A frame of `payload` bytes in parts of at most `part` bytes after the headers. */
static struct rte_mbuf *frame_make(uint32_t payload, uint32_t part)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool), *tail = frame;
	uint8_t *headers = (uint8_t *)rte_pktmbuf_append(frame, HEADERS);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(headers + L2);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(headers + L2 + L3);

	memset(headers, 0, HEADERS);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(L3 + L4 + payload));
	ip->packet_id = rte_cpu_to_be_16(65535);
	ip->time_to_live = 64;
	ip->next_proto_id = 6;
	ip->src_addr = RTE_BE32(0x0a000001);
	ip->dst_addr = RTE_BE32(0x0a000002);
	tcp->data_off = L4 / 4 << 4;
	tcp->sent_seq = RTE_BE32(0xffffff00);
	tcp->tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_CWR_FLAG;
	for (uint32_t done = 0; done < payload;) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(pool);
		uint32_t len = RTE_MIN(part, payload - done);
		uint8_t *at = (uint8_t *)rte_pktmbuf_append(more, (uint16_t)len);

		for (uint32_t k = 0; k < len; k++)
			at[k] = payload_byte(done + k);
		tail->next = more;
		tail = more;
		frame->nb_segs++;
		frame->pkt_len += len;
		done += len;
	}
	frame->l2_len = L2;
	frame->l3_len = L3;
	frame->l4_len = L4;
	frame->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	return frame;
}

static uint8_t byte_at(const struct rte_mbuf *frame, uint32_t offset)
{
	uint8_t copy;

	return *(const uint8_t *)rte_pktmbuf_read(frame, offset, 1, &copy);
}

/* The sum of bytes as RFC 1071 has it, byte by byte: no code in common with what is tested. */
static uint16_t plain_sum(const struct rte_mbuf *frame, uint32_t offset, uint32_t len, uint32_t sum)
{
	for (uint32_t k = 0; k < len; k++)
		sum += (uint32_t)byte_at(frame, offset + k) << (k % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void assert_checksums(const struct rte_mbuf *frame)
{
	const uint32_t tcp_len = frame->pkt_len - L2 - L3;

	assert_int_equal(plain_sum(frame, L2, L3, 0), 0xffff);
	assert_int_equal(
		plain_sum(frame, L2 + L3, tcp_len, 6 + tcp_len + plain_sum(frame, L2 + 12, 8, 0)),
		0xffff);
}

static void test_checksum_of_chains(void **state)
{
	(void)state;
	/* Odd parts make the bytes change places from one part to the next. */
	for (uint32_t part = 1; part <= 40; part++) {
		for (uint32_t payload = 0; payload <= 40; payload++) {
			struct rte_mbuf *frame = frame_make(payload, part);

			frame_checksum(frame, FRAME_CHECKSUM_FLAGS);
			assert_checksums(frame);
			assert_int_equal(frame->ol_flags & FRAME_CHECKSUM_FLAGS, 0);
			rte_pktmbuf_free(frame);
		}
	}
	assert_all_free();
}

static void test_checksum_does_what_is_asked(void **state)
{
	struct rte_mbuf *frame = frame_make(10, 10);

	(void)state;
	frame_checksum(frame, RTE_MBUF_F_TX_IP_CKSUM);
	assert_int_equal(plain_sum(frame, L2, L3, 0), 0xffff);
	assert_int_equal(byte_at(frame, L2 + L3 + 16) | byte_at(frame, L2 + L3 + 17), 0);
	assert_true(frame->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM);
	rte_pktmbuf_free(frame);
}

static void test_linearise(void **state)
{
	(void)state;
	for (uint32_t part = 1; part < 200; part += 37) {
		struct rte_mbuf *frame = frame_linearise(frame_make(1400, part), pool);

		assert_non_null(frame);
		assert_int_equal(frame->nb_segs, 1);
		assert_int_equal(frame->pkt_len, HEADERS + 1400);
		for (uint32_t k = 0; k < 1400; k++)
			assert_int_equal(byte_at(frame, HEADERS + k), payload_byte(k));
		assert_int_equal(frame->l3_len, L3);
		frame_checksum(frame, FRAME_CHECKSUM_FLAGS);
		assert_checksums(frame);
		rte_pktmbuf_free(frame);
		assert_all_free();
	}
}

static void test_linearise_without_room_or_memory(void **state)
{
	struct rte_mbuf *frame = frame_make(ROOM, 512), *all[FRAMES];
	unsigned n;

	(void)state;
	assert_null(frame_linearise(frame, pool));
	assert_all_free();
	frame = frame_make(100, 10);
	n = rte_mempool_avail_count(pool);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, n), 0);
	assert_null(frame_linearise(frame, pool));
	rte_pktmbuf_free_bulk(all, n);
	assert_all_free();
}

static void cut_check(const struct rte_mbuf *frame, uint32_t offset, uint32_t len, bool last,
		      uint16_t number)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(frame, const struct rte_ipv4_hdr *, L2);
	const struct rte_tcp_hdr *tcp =
		rte_pktmbuf_mtod_offset(frame, const struct rte_tcp_hdr *, L2 + L3);

	assert_int_equal(frame->pkt_len, HEADERS + len);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), L3 + L4 + len);
	assert_int_equal(rte_be_to_cpu_16(ip->packet_id), (uint16_t)(65535 + number));
	assert_int_equal(rte_be_to_cpu_32(tcp->sent_seq), 0xffffff00 + offset);
	assert_int_equal(!!(tcp->tcp_flags & RTE_TCP_FIN_FLAG), last);
	assert_int_equal(!!(tcp->tcp_flags & RTE_TCP_PSH_FLAG), last);
	assert_int_equal(!!(tcp->tcp_flags & RTE_TCP_CWR_FLAG), number == 0);
	for (uint32_t k = 0; k < len; k++)
		assert_int_equal(byte_at(frame, HEADERS + k), payload_byte(offset + k));
	assert_checksums(frame);
}

static void test_cut_tso(void **state)
{
	enum { PAYLOAD = 5000, MSS = 1448 };
	struct rte_mbuf *whole = frame_make(PAYLOAD, 777);
	struct frame_cutter cutter;
	uint32_t offset = 0;
	uint16_t number = 0;

	(void)state;
	whole->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	whole->tso_segsz = MSS;
	frame_cutter_init(&cutter, whole);
	while (!frame_cutter_done(&cutter)) {
		struct rte_mbuf *frame = frame_cutter_next(&cutter, pool);
		uint32_t len = RTE_MIN((uint32_t)MSS, PAYLOAD - offset);

		assert_non_null(frame);
		assert_false(frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
		frame_checksum(frame, FRAME_CHECKSUM_FLAGS);
		cut_check(frame, offset, len, offset + len == PAYLOAD, number);
		rte_pktmbuf_free(frame);
		offset += len;
		number++;
	}
	assert_int_equal(number, 4);
	rte_pktmbuf_free(whole);
	assert_all_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_of_chains),
		cmocka_unit_test(test_checksum_does_what_is_asked),
		cmocka_unit_test(test_linearise),
		cmocka_unit_test(test_linearise_without_room_or_memory),
		cmocka_unit_test(test_cut_tso),
	};

	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
