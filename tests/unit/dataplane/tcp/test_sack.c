/* SPDX-License-Identifier: Apache-2.0 */
/* What our acknowledgements say beyond their number: RFC 2018, and the examples of RFC 2883. */
#include "rig.h"

#include <rte_mempool.h>

#include "eal.h"

enum { MANY = 20 };

/* A connection that negotiated SACK, with or without timestamps. */
static struct rig_session *accept_sack(struct rig *rig, bool timestamps)
{
	rig->peer_options.sack_permitted = true;
	rig->peer_options.timestamps = timestamps;
	rig->peer_options.value = 100;
	return rig_accept(rig);
}

/* Bytes start..end of the stream arrive. */
static void put(struct rig *rig, uint32_t start, uint32_t end)
{
	uint8_t bytes[2000];

	rig_pattern(bytes, end - start, start);
	rig_segment(rig, ACK, rig->peer_seq + start, rig->peer_ack, bytes, end - start);
}

/* The next acknowledgement says this, of stream positions, and no more. */
static void expect_blocks(struct rig *rig, uint32_t ack, const uint32_t blocks[][2], unsigned n)
{
	const struct rig_segment *s = rig_expect(rig, ACK);

	assert_int_equal(s->ack, rig->peer_seq + ack);
	assert_int_equal(s->options.blocks_n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(s->options.blocks[i].start, rig->peer_seq + blocks[i][0]);
		assert_int_equal(s->options.blocks[i].end, rig->peer_seq + blocks[i][1]);
	}
}

#define EXPECT(rig, ack, n, ...) expect_blocks(rig, ack, (const uint32_t[][2]){__VA_ARGS__}, n)

/* The stream as far as the examples of RFC 2883 take it for granted. */
static void begin(struct rig *rig, uint32_t end)
{
	for (uint32_t at = 0; at < end; at += 500)
		put(rig, at, at + 500);
	rig_turn(rig);
	rig_forget_sent(rig);
}

static void nothing_is_said_that_was_not_agreed_on(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	put(rig, 500, 1000);
	EXPECT(rig, 0, 0, {0});
	put(rig, 500, 1000);
	EXPECT(rig, 0, 0, {0});
}

/* RFC 2018 4: the block of the newest segment first, then those reported before it. */
static void newest_block_comes_first(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	put(rig, 500, 1000);
	EXPECT(rig, 0, 1, {500, 1000});
	put(rig, 1500, 2000);
	EXPECT(rig, 0, 2, {1500, 2000}, {500, 1000});
	put(rig, 3500, 4000);
	EXPECT(rig, 0, 3, {3500, 4000}, {1500, 2000}, {500, 1000});
	put(rig, 2500, 3000);
	EXPECT(rig, 0, 4, {2500, 3000}, {3500, 4000}, {1500, 2000}, {500, 1000});
	put(rig, 4500, 5000);
	EXPECT(rig, 0, 4, {4500, 5000}, {2500, 3000}, {3500, 4000}, {1500, 2000});
	/* One that grows is the newest; one that joins two says both, and the others go on. */
	put(rig, 2000, 2500);
	EXPECT(rig, 0, 4, {1500, 3000}, {4500, 5000}, {3500, 4000}, {500, 1000});
	/* What is acknowledged is no block any more. */
	put(rig, 0, 500);
	rig_turn(rig);
	EXPECT(rig, 1000, 3, {1500, 3000}, {4500, 5000}, {3500, 4000});
	put(rig, 1000, 1500);
	put(rig, 3000, 3500);
	rig_turn(rig);
	EXPECT(rig, 4000, 1, {4500, 5000});
	put(rig, 4000, 4500);
	rig_turn(rig);
	EXPECT(rig, 5000, 0, {0});
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).sack_blocks_out, 22);
}

static void timestamps_leave_room_for_three(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, true);
	for (uint32_t i = 0; i < 4; i++)
		put(rig, 500 + 1000 * i, 1000 + 1000 * i);
	EXPECT(rig, 0, 1, {500, 1000});
	EXPECT(rig, 0, 2, {1500, 2000}, {500, 1000});
	EXPECT(rig, 0, 3, {2500, 3000}, {1500, 2000}, {500, 1000});
	EXPECT(rig, 0, 3, {3500, 4000}, {2500, 3000}, {1500, 2000});
}

/* Every block is reported in at least three acknowledgements, also when others join (RFC 2018 4).
 */
static void every_block_is_said_three_times(void **state)
{
	struct rig *rig = *state;
	unsigned said[MANY] = {0};

	accept_sack(rig, true);
	for (uint32_t i = 0; i < MANY; i++)
		put(rig, 500 + 1000 * i, 1000 + 1000 * i);
	while (rig->sent_at < rig->sent_n) {
		const struct rig_segment *s = rig_expect(rig, ACK);

		for (unsigned k = 0; k < s->options.blocks_n; k++)
			said[(s->options.blocks[k].start - rig->peer_seq) / 1000]++;
	}
	for (unsigned i = 0; i + 2 < MANY; i++)
		assert_int_equal(said[i], 3);
	assert_int_equal(said[MANY - 1], 1);
}

/* RFC 2883 4.1.1 */
static void example_1_a_duplicate(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 4000);
	put(rig, 3000, 3500);
	EXPECT(rig, 4000, 1, {3000, 3500});
	rig_turn(rig);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).dsacks_out, 1);
}

/* RFC 2883 4.1.2 */
static void example_2_a_duplicate_and_a_gap(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 4000);
	put(rig, 4500, 5000);
	EXPECT(rig, 4000, 1, {4500, 5000});
	put(rig, 3000, 3500);
	EXPECT(rig, 4000, 2, {3000, 3500}, {4500, 5000});
}

/* RFC 2883 4.1.3 */
static void example_3_a_duplicate_beyond_the_gap(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 4000);
	put(rig, 4500, 5000);
	EXPECT(rig, 4000, 1, {4500, 5000});
	put(rig, 5000, 5500);
	EXPECT(rig, 4000, 1, {4500, 5500});
	put(rig, 5000, 5500);
	EXPECT(rig, 4000, 2, {5000, 5500}, {4500, 5500});
}

/* RFC 2883 4.2.1 */
static void example_4_part_of_it_is_a_duplicate(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 1000);
	put(rig, 2000, 2500);
	EXPECT(rig, 1000, 1, {2000, 2500});
	put(rig, 1000, 1500);
	rig_turn(rig);
	EXPECT(rig, 1500, 1, {2000, 2500});
	put(rig, 1000, 2000);
	EXPECT(rig, 2500, 1, {1000, 1500});
}

/* RFC 2883 4.2.2 */
static void example_5_two_parts_below(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 1000);
	put(rig, 3000, 3500);
	EXPECT(rig, 1000, 1, {3000, 3500});
	put(rig, 1000, 1500);
	rig_turn(rig);
	EXPECT(rig, 1500, 1, {3000, 3500});
	put(rig, 2000, 2500);
	EXPECT(rig, 1500, 2, {2000, 2500}, {3000, 3500});
	put(rig, 1000, 2500);
	EXPECT(rig, 2500, 2, {1000, 1500}, {3000, 3500});
}

/* RFC 2883 4.2.3 */
static void example_6_two_parts_above(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	begin(rig, 1000);
	put(rig, 3500, 4000);
	EXPECT(rig, 1000, 1, {3500, 4000});
	put(rig, 1500, 2000);
	EXPECT(rig, 1000, 2, {1500, 2000}, {3500, 4000});
	put(rig, 2500, 3000);
	EXPECT(rig, 1000, 3, {2500, 3000}, {1500, 2000}, {3500, 4000});
	put(rig, 1500, 3000);
	EXPECT(rig, 1000, 3, {1500, 2000}, {1500, 3000}, {3500, 4000});
}

/* Three at once, then one for a turn; a run that opens is always said. */
static void a_run_that_grows_is_said_once_a_turn(void **state)
{
	struct rig *rig = *state;

	accept_sack(rig, false);
	for (uint32_t i = 1; i <= 10; i++)
		put(rig, 500 * i, 500 * i + 500);
	for (uint32_t i = 1; i <= 3; i++)
		EXPECT(rig, 0, 1, {500, 500 * i + 500});
	rig_silent(rig);
	put(rig, 6000, 6500);
	EXPECT(rig, 0, 2, {6000, 6500}, {500, 5500});
	put(rig, 6500, 7000);
	put(rig, 7000, 7500);
	rig_turn(rig);
	EXPECT(rig, 0, 2, {6000, 7500}, {500, 5500});
	rig_silent(rig);
	assert_true(rig_stats(rig).acks_coalesced > 0);
	/* Another hole, and the peer counts from the beginning. */
	put(rig, 0, 500);
	rig_turn(rig);
	EXPECT(rig, 5500, 1, {6000, 7500});
	put(rig, 7500, 8000);
	EXPECT(rig, 5500, 1, {6000, 8000});
}

/* Blocks ride on short answers; a full segment has no room for them. */
static void blocks_in_segments_with_data(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accept_sack(rig, false);

	put(rig, 500, 1000);
	rig_forget_sent(rig);
	rig_say(rig, session, RIG_MSS + 100);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->len, RIG_MSS);
	EXPECT(rig, 0, 1, {500, 1000});
}

/* Memory that data in order needs is taken from what is farthest beyond the gap, and only then. */
static void reneges_only_for_data_in_order(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = accept_sack(rig, false);
	struct rte_mempool *pool = rte_mempool_lookup("rig_pieces");
	void *taken[512];
	unsigned n = 0;

	session->take_max = 0;
	put(rig, 2000, 4000);
	put(rig, 4000, 6000);
	rig_forget_sent(rig);
	while (rte_mempool_get(pool, &taken[n]) == 0)
		n++;
	put(rig, 7000, 7500); /* no memory, and nothing is given up for it */
	EXPECT(rig, 0, 1, {2000, 6000});
	assert_int_equal(rig_stats(rig).reneged_out, 0);
	put(rig, 0, 500);
	rig_turn(rig);
	EXPECT(rig, 500, 1, {2000, 4024});
	assert_int_equal(rig_stats(rig).reneged_out, 1);
	while (n > 0)
		rte_mempool_put(pool, taken[--n]);
	session->take_max = SIZE_MAX;
	put(rig, 500, 2000);
	put(rig, 3000, 5000);
	assert_int_equal(session->in_n, 5000);
	assert_true(rig_pattern_at(session->in, 5000, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(nothing_is_said_that_was_not_agreed_on),
		RIG_TEST(newest_block_comes_first),
		RIG_TEST(timestamps_leave_room_for_three),
		RIG_TEST(every_block_is_said_three_times),
		RIG_TEST(example_1_a_duplicate),
		RIG_TEST(example_2_a_duplicate_and_a_gap),
		RIG_TEST(example_3_a_duplicate_beyond_the_gap),
		RIG_TEST(example_4_part_of_it_is_a_duplicate),
		RIG_TEST(example_5_two_parts_below),
		RIG_TEST(example_6_two_parts_above),
		RIG_TEST(a_run_that_grows_is_said_once_a_turn),
		RIG_TEST(blocks_in_segments_with_data),
		RIG_TEST(reneges_only_for_data_in_order),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
