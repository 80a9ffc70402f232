/* SPDX-License-Identifier: Apache-2.0 */
/* RACK (RFC 8985 6) and its reordering timer; the examples of 9.1; RFC 2883's D-SACK. */
#include "loss.h"

#include "eal.h"

/* Each segment is sent `us` after the one before; then the clock stands a round trip after that. */
static struct rig_session *spaced(struct rig *rig, uint32_t n, uint64_t us)
{
	struct rig_session *session = loss_begin(rig, 10, true);

	for (uint32_t i = 0; i < n; i++) {
		rig_say(rig, session, RIG_MSS);
		rig_turn(rig);
		loss_expect(rig, i);
		rig->clock.mono_ns += us * 1000;
	}
	loss_wait(rig, RTT_MS);
	return session;
}

/* 9.1, example 1: of three segments the first and the last are lost. */
static void losses_at_the_end(void **state)
{
	struct rig *rig = *state;

	spaced(rig, 3, 2000);
	SACKED(rig, 0, {1, 2});
	loss_expect(rig, 0);
	rig_silent(rig);
	loss_wait(rig, 6);
	ACKED(rig, 2);
	loss_expect(rig, 2);
	loss_wait(rig, 1);
	ACKED(rig, 3);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 0);
	assert_int_equal(rig_stats(rig).retransmit_rack, 1);
}

/* 9.1, example 2: a retransmission is lost, too. */
static void lost_retransmission(void **state)
{
	struct rig *rig = *state;

	spaced(rig, 3, 2000);
	SACKED(rig, 0, {2, 3});
	loss_expect(rig, 0); /* PRR: one for one */
	loss_wait(rig, 1);
	if (rig->sent_at == rig->sent_n)
		SACKED(rig, 0, {2, 3});
	rig_sleep(rig, 1);
	rig_forget_sent(rig);
	loss_wait(rig, 4);
	SACKED(rig, 0, {1, 3});
	loss_expect(rig, 0);
	loss_wait(rig, 1);
	ACKED(rig, 3);
	rig_silent(rig);
	assert_int_equal(rig_stats(rig).retransmit_timeout, 0);
}

/* 9.1, example 3, and 6.2 step 4: once reordering was seen, a quarter of a round trip is waited, by
 * the timer, and who comes within it was not lost. */
static void reordering_is_waited_for(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = spaced(rig, 3, 0);

	/* The third first: less than three are SACKed, so there is time. */
	SACKED(rig, 0, {2, 3});
	rig_silent(rig);
	rig->clock.mono_ns += 200000;
	ACKED(rig, 3);
	assert_true(loss_connection(rig)->loss & LOSS_REORDERING);
	/* From now on three duplicates are no proof. */
	rig_say(rig, session, 6 * RIG_MSS);
	rig_turn(rig);
	rig_forget_sent(rig);
	loss_wait(rig, RTT_MS);
	SACKED(rig, 3, {5, 9});
	rig_silent(rig);
	rig->clock.mono_ns += 200000;
	rig_turn(rig);
	rig_silent(rig);
	rig_sleep(rig, 1);
	loss_expect(rig, 3);
	assert_int_equal(rig_stats(rig).retransmit_rack, 1);
	assert_int_equal(rig_stats(rig).retransmit_fast, 0);
}

/* Without reordering three SACKed segments are enough, at once. */
static void three_are_enough(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 10);
	SACKED(rig, 0, {1, 2});
	SACKED(rig, 0, {1, 3});
	rig_silent(rig);
	SACKED(rig, 0, {1, 4});
	loss_expect(rig, 0);
	assert_int_equal(rig_stats(rig).retransmit_fast, 1);
	assert_int_equal(rig_stats(rig).recoveries, 1);
}

/* RFC 2883 4.1.1: the block below the acknowledgement is a duplicate, not a receipt. */
static void dsack_below_the_acknowledgement(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 10, true);

	loss_flight(rig, session, 8);
	ACKED(rig, 8);
	loss_flight(rig, session, 4);
	SACKED(rig, 8, {6, 7});
	assert_int_equal(rig_stats(rig).dsacks_in, 1);
	assert_int_equal(loss_connection(rig)->sacked_n, 0);
	/* 4.1.2: and with a block that is a receipt. */
	SACKED(rig, 8, {6, 7}, {9, 10});
	assert_int_equal(rig_stats(rig).dsacks_in, 2);
	assert_int_equal(loss_connection(rig)->sacked_n, 1);
	/* 4.1.3: within the second block. */
	SACKED(rig, 8, {10, 11}, {9, 11});
	assert_int_equal(rig_stats(rig).dsacks_in, 3);
	assert_int_equal(loss_connection(rig)->sacked_n, 2);
	/* A plain one after it is none. */
	SACKED(rig, 8, {9, 11});
	assert_int_equal(rig_stats(rig).dsacks_in, 3);
}

/* 6.2 step 4: the window grows once for every round trip with a D-SACK, and shrinks again after
 * sixteen recoveries without. */
static void dsack_widens_the_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = loss_begin(rig, 10, true);
	struct connection *c = loss_connection(rig);

	loss_flight(rig, session, 4);
	SACKED(rig, 2, {0, 1}, {3, 4});
	assert_int_equal(c->reorder_multiple, 1);
	SACKED(rig, 2, {0, 1}, {3, 4});
	assert_int_equal(c->reorder_multiple, 1); /* the same round trip */
	rig_say(rig, session, 2 * RIG_MSS);
	rig_turn(rig);
	SACKED(rig, 4, {0, 1});
	SACKED(rig, 4, {0, 1});
	assert_int_equal(c->reorder_multiple, 2);
	ACKED(rig, 6);
	for (uint32_t recovery = 1, first = 6; recovery <= 16; recovery++, first += 5) {
		assert_int_equal(c->reorder_multiple, 2);
		rig_forget_sent(rig);
		c->cwnd = 10 * RIG_MSS;
		loss_flight(rig, session, 5);
		SACKED(rig, first, {first + 1, first + 5});
		loss_wait(rig, RTT_MS);
		ACKED(rig, first + 5);
		assert_int_equal(rig_stats(rig).recoveries, recovery);
	}
	assert_int_equal(c->reorder_multiple, 0);
}

/* Hostile blocks are counted, and nothing else. */
static void blocks_that_name_nothing(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 5);
	SACKED(rig, 0, {3, 9});
	SACKED(rig, 0, {4, 2});
	SACKED(rig, 0, {3, 3});
	SACKED(rig, 0, {1U << 18, 1U << 19});
	assert_int_equal(loss_connection(rig)->sacked_n, 0);
	assert_int_equal(rig_stats(rig).sack_ignored, 4);
	rig_silent(rig);
	ACKED(rig, 5);
}

/* The reordered acknowledgement of before still has its blocks read. */
static void old_acknowledgements_have_blocks(void **state)
{
	struct rig *rig = *state;

	loss_flight(rig, loss_begin(rig, 10, true), 8);
	ACKED(rig, 2);
	SACKED(rig, 1, {1, 4});
	assert_int_equal(loss_connection(rig)->sacked_n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(losses_at_the_end),
		RIG_TEST(lost_retransmission),
		RIG_TEST(reordering_is_waited_for),
		RIG_TEST(three_are_enough),
		RIG_TEST(dsack_below_the_acknowledgement),
		RIG_TEST(dsack_widens_the_window),
		RIG_TEST(blocks_that_name_nothing),
		RIG_TEST(old_acknowledgements_have_blocks),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
