/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

enum {
	LINK = 14,
	HEADERS = LINK + 20,
	MORE = 0x2000,
	HELD_MAX = 64,
	SHARE = HELD_MAX / 8,
	TIMEOUT_MS = 1000,
};

static int setup(void **state)
{
	world_fragments = (struct net_fragments){HELD_MAX, TIMEOUT_MS};
	return world_setup(state);
}

static int setup_two_cores(void **state)
{
	world_fragments = (struct net_fragments){HELD_MAX, TIMEOUT_MS};
	return world_setup_two_cores(state);
}

/* Bytes [start, end) behind the IPv4 header of `whole`, as a fragment of packet `id`. */
static struct bytes cut(const struct bytes *whole, uint16_t id, size_t start, size_t end)
{
	struct bytes bytes = {.len = HEADERS + (end - start)};
	bool last = HEADERS + end == whole->len;

	memcpy(bytes.at, whole->at, HEADERS);
	memcpy(bytes.at + HEADERS, whole->at + HEADERS + start, end - start);
	bytes_put16(bytes.at + LINK + 2, (uint16_t)(bytes.len - LINK));
	bytes_put16(bytes.at + LINK + 4, id);
	bytes_put16(bytes.at + LINK + 6, (uint16_t)(start / 8 | (last ? 0 : MORE)));
	bytes_ipv4_checksum(bytes.at + LINK);
	return bytes;
}

static struct rte_mbuf *put(struct world *world, const struct bytes *bytes)
{
	return world_input(world, world_frame(world, bytes->at, bytes->len, 0));
}

static struct rte_mbuf *put_cut(struct world *world, const struct bytes *whole, uint16_t id,
				size_t start, size_t end)
{
	const struct bytes bytes = cut(whole, id, start, end);

	return put(world, &bytes);
}

/* The packet is `whole` but for what fragmenting changes: id and checksum. */
static void assert_whole(struct rte_mbuf *packet, const struct bytes *whole)
{
	const uint8_t *expected = whole->at + LINK;
	uint8_t copy[2048];
	const uint8_t *is;

	assert_non_null(packet);
	rte_mbuf_sanity_check(packet, 1);
	assert_int_equal(packet->pkt_len, whole->len - LINK);
	assert_int_equal(packet->l3_len, 20);
	is = rte_pktmbuf_read(packet, 0, packet->pkt_len, copy);
	assert_memory_equal(is, expected, 4);
	assert_int_equal(bytes_get16(is + 6) & 0x3fff, 0);
	assert_memory_equal(is + 12, expected + 12, whole->len - LINK - 12);
	rte_pktmbuf_free(packet);
}

static void test_any_order(void **state)
{
	static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct bytes whole = tcp_frame(1800);
	struct world *world = *state;

	for (unsigned k = 0; k < 6; k++) {
		struct rte_mbuf *packet = NULL;

		for (unsigned part = 0; part < 3; part++) {
			size_t start = 640 * orders[k][part];

			assert_null(packet);
			packet = put_cut(world, &whole, (uint16_t)k, start,
					 start == 1280 ? 1820 : start + 640);
		}
		assert_whole(packet, &whole);
	}
	assert_int_equal(world_grown(world).fragments_in, 18);
	assert_int_equal(world_grown(world).fragments_joined, 6);
	assert_int_equal(world_grown(world).tcp_in, 6);
	assert_true(net_next_ns(world->net) == UINT64_MAX);
}

/* What a device said of a fragment's TCP checksum is nothing. */
static void test_checksum_is_looked_at(void **state)
{
	struct bytes whole = tcp_frame(100), first, last;
	struct world *world = *state;
	struct rte_mbuf *frame;

	whole.at[HEADERS + 50] ^= 1;
	first = cut(&whole, 1, 0, 64);
	last = cut(&whole, 1, 64, 120);
	assert_null(put(world, &last));
	frame = world_frame(world, first.at, first.len, 0);
	frame->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_null(world_input(world, frame));
	assert_int_equal(world_grown(world).fragments_joined, 1);
	assert_int_equal(world_grown(world).tcp_checksum, 1);
}

static void test_chained_and_padded_fragments(void **state)
{
	struct bytes whole = tcp_frame(100), first = cut(&whole, 1, 0, 64),
		     last = cut(&whole, 1, 64, 120);
	struct world *world = *state;

	last.len += 9; /* of the link's padding */
	for (size_t part = 1; part < 80; part += 13) {
		assert_null(world_input(world, world_frame(world, first.at, first.len, part)));
		assert_whole(world_input(world, world_frame(world, last.at, last.len, part)),
			     &whole);
	}
}

/* Teardrop and its kin: overlaps in every way, none of which may come out. */
static void test_overlaps(void **state)
{
	static const size_t cuts[][3][2] = {
		{{0, 640}, {320, 960}, {960, 1820}},  /* the second into the first */
		{{0, 640}, {640, 1280}, {960, 1820}}, /* the last into the second */
		{{0, 640}, {64, 128}, {640, 1820}},   /* one within another */
		{{0, 640}, {0, 1280}, {1280, 1820}},  /* two first ones */
		{{0, 640}, {960, 1820}, {640, 1820}}, /* two last ones */
	};
	struct bytes whole = tcp_frame(1800);
	struct world *world = *state;

	for (uint16_t k = 0; k < sizeof(cuts) / sizeof(cuts[0]); k++)
		for (unsigned part = 0; part < 3; part++)
			assert_null(put_cut(world, &whole, k, cuts[k][part][0], cuts[k][part][1]));
	assert_int_equal(world_grown(world).fragments_joined, 0);
	world->clock.mono_ns += 2ull * SECOND;
	net_advance(world->net);
	assert_int_equal(world_grown(world).fragments_given_up, world_grown(world).fragments_in);
	assert_true(net_next_ns(world->net) == UINT64_MAX);
}

static void test_what_no_sender_makes(void **state)
{
	struct bytes whole = tcp_frame(100), bad[5];
	struct world *world = *state;

	for (unsigned k = 0; k < 5; k++)
		bad[k] = cut(&whole, 1, 0, 64);
	bytes_put16(bad[0].at + LINK + 6, 0x1fff);	  /* ping of death: 65,528 and 64 */
	bytes_put16(bad[1].at + LINK + 2, 20 + 63);	  /* a middle of 63 bytes */
	bytes_put16(bad[2].at + LINK + 2, 20);		  /* nothing */
	bytes_put16(bad[3].at + LINK + 2, 20 + 16);	  /* first, and without the flags */
	bytes_put16(bad[4].at + LINK + 6, MORE | 0x1ff8); /* beyond the end, and more */
	for (unsigned k = 0; k < 5; k++) {
		bytes_ipv4_checksum(bad[k].at + LINK);
		assert_null(put(world, &bad[k]));
		assert_int_equal(world_grown(world).fragments_malformed, k + 1);
	}
	assert_int_equal(world_grown(world).fragments_in, 0);
}

/* More pieces than anybody needs. */
static void test_nine_fragments(void **state)
{
	struct bytes whole = tcp_frame(200);
	struct world *world = *state;

	for (size_t start = 0; start < 216; start += 24)
		assert_null(put_cut(world, &whole, 1, start, start == 192 ? 220 : start + 24));
	assert_int_equal(world_grown(world).fragments_joined, 0);
	for (size_t start = 0; start < 192; start += 32)
		assert_null(put_cut(world, &whole, 2, start, start + 32));
	assert_whole(put_cut(world, &whole, 2, 192, 220), &whole);
}

static void test_time_runs_out(void **state)
{
	struct bytes whole = tcp_frame(100);
	struct world *world = *state;
	uint64_t begun_ns = world->clock.mono_ns;

	assert_null(put_cut(world, &whole, 1, 0, 64));
	assert_true(net_next_ns(world->net) <= begun_ns + TIMEOUT_MS * 1000000ull);
	world->clock.mono_ns += TIMEOUT_MS * 1000000ull - 1;
	net_advance(world->net);
	assert_int_equal(world_grown(world).fragments_given_up, 0);
	world->clock.mono_ns += TIMEOUT_MS * 1000000ull + 2;
	net_advance(world->net);
	assert_int_equal(world_grown(world).fragments_given_up, 1);
	assert_null(put_cut(world, &whole, 1, 64, 120));
}

static void flood_from(struct world *world, struct bytes *whole, uint32_t from, unsigned n)
{
	struct bytes flood = *whole;

	bytes_put32(flood.at + LINK + 12, from);
	for (unsigned k = 0; k < n; k++)
		assert_null(put_cut(world, &flood, (uint16_t)(1000 + k), 64, 128));
}

/* One source takes its share and no more, others still get theirs. */
static void test_share_of_a_source(void **state)
{
	struct bytes whole = tcp_frame(200);
	struct world *world = *state;

	flood_from(world, &whole, 0x0a000063, 2 * SHARE);
	assert_int_equal(world_grown(world).fragments_in, SHARE);
	assert_int_equal(world_grown(world).fragments_limited, SHARE);
	assert_null(put_cut(world, &whole, 1, 0, 64));
	assert_whole(put_cut(world, &whole, 1, 64, 220), &whole);
	/* It gets its share back in time. */
	world->clock.mono_ns += 3ull * SECOND;
	net_advance(world->net);
	flood_from(world, &whole, 0x0a000063, 1);
	assert_int_equal(world_grown(world).fragments_limited, SHARE);
}

/* Many sources fill all there is: the oldest give way, long before their time. */
static void test_flood_gives_way(void **state)
{
	struct bytes whole = tcp_frame(200);
	struct world *world = *state;

	for (uint32_t k = 0; k < 400; k++)
		flood_from(world, &whole, 0x0a000010 + k % 200, 1);
	assert_true(world_grown(world).fragments_in <= HELD_MAX);
	world->clock.mono_ns += 60 * 1000000ull;
	assert_null(put_cut(world, &whole, 1, 0, 64));
	assert_whole(put_cut(world, &whole, 1, 64, 220), &whole);
	assert_true(world_grown(world).fragments_given_up > 0);
}

/* RFC 3168 5.3. */
static void test_marks(void **state)
{
	static const uint8_t ecn[][3] = {{2, 2, 2}, {2, 3, 3}, {3, 2, 3}, {0, 0, 0}, {0, 3, 9}};
	struct bytes whole = tcp_frame(100);
	struct world *world = *state;

	for (uint16_t k = 0; k < 5; k++) {
		struct bytes first = cut(&whole, k, 0, 64), last = cut(&whole, k, 64, 120);
		struct rte_mbuf *packet;

		first.at[LINK + 1] = ecn[k][0];
		last.at[LINK + 1] = ecn[k][1];
		bytes_ipv4_checksum(first.at + LINK);
		bytes_ipv4_checksum(last.at + LINK);
		assert_null(put(world, &first));
		packet = put(world, &last);
		if (ecn[k][2] == 9) {
			assert_null(packet);
			assert_int_equal(world_grown(world).fragments_malformed, 1);
			continue;
		}
		assert_non_null(packet);
		assert_int_equal(rte_pktmbuf_mtod(packet, uint8_t *)[1], ecn[k][2]);
		rte_pktmbuf_free(packet);
	}
}

static void test_only_tcp(void **state)
{
	struct bytes whole = tcp_frame(100);
	struct world *world = *state;

	whole.at[LINK + 9] = 17;
	assert_null(put_cut(world, &whole, 1, 0, 64));
	assert_int_equal(world_grown(world).fragments, 1);
	assert_int_equal(world_grown(world).fragments_in, 0);
}

/* The tuple is known only now: to its owner, who takes it as if the wire had brought it so. */
static void test_whole_goes_to_its_owner(void **state)
{
	struct bytes whole = tcp_frame(100);
	struct world *world = *state;
	struct rte_mbuf *packets[1];

	world->port.owner = 1;
	assert_null(put_cut(world, &whole, 1, 64, 120));
	assert_null(world->handed);
	assert_null(put_cut(world, &whole, 1, 0, 64));
	assert_non_null(world->handed);
	assert_int_equal(world->handed_to, 1);
	assert_int_equal(world->port.tuple_src_port, 40000);
	assert_int_equal(net_input_handed(world->net, &world->port, &world->handed, 1, packets), 1);
	world->handed = NULL;
	assert_whole(packets[0], &whole);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, world_teardown)
#define TEST_TWO(function)                                                                         \
	cmocka_unit_test_setup_teardown(function, setup_two_cores, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_any_order),
		TEST(test_checksum_is_looked_at),
		TEST(test_chained_and_padded_fragments),
		TEST(test_overlaps),
		TEST(test_what_no_sender_makes),
		TEST(test_nine_fragments),
		TEST(test_time_runs_out),
		TEST(test_share_of_a_source),
		TEST(test_flood_gives_way),
		TEST(test_marks),
		TEST(test_only_tcp),
		TEST_TWO(test_whole_goes_to_its_owner),
	};

	return fixture_main("net fragments", tests, sizeof(tests) / sizeof(tests[0]));
}
