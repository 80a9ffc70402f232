/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "eal.h"

/* The pattern's bytes from `at` on, placed where they belong in the stream. */
static void put(struct rig *rig, size_t at, size_t len, uint8_t flags)
{
	uint8_t bytes[2000];

	rig_pattern(bytes, len, at);
	rig_segment(rig, ACK | flags, rig->peer_seq + (uint32_t)at, rig->peer_ack, bytes, len);
}

static void check_stream(const struct rig_session *session, size_t len)
{
	assert_int_equal(session->in_n, len);
	assert_true(rig_pattern_at(session->in, len, 0));
}

static void gaps_are_filled_in_any_order(void **state)
{
	static const unsigned orders[][4] = {
		{3, 2, 1, 0}, {1, 3, 2, 0}, {2, 0, 3, 1}, {3, 1, 0, 2}, {1, 2, 3, 0}};
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 4; k++)
			put(rig, i * 4000 + orders[i][k] * 1000, 1000, 0);
		check_stream(session, (i + 1) * 4000);
	}
	rig_turn(rig);
	assert_int_equal(rig->sent[rig->sent_n - 1].ack, rig->peer_seq + 20000);
	assert_true(rig_stats(rig).out_of_order >= 10);
}

/* One duplicate for each segment beyond a gap, at once: the peer counts them. */
static void duplicates_are_sent_one_by_one(void **state)
{
	struct rig *rig = *state;

	rig_accept(rig);
	for (unsigned i = 1; i <= 3; i++) {
		put(rig, i * 100, 100, 0);
		assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq);
	}
	put(rig, 0, 100, 0);
	rig_turn(rig);
	assert_int_equal(rig_expect(rig, ACK)->ack, rig->peer_seq + 400);
	rig_silent(rig);
}

static void first_copy_wins(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	rig_segment(rig, ACK, rig->peer_seq + 3, rig->peer_ack, "DEF", 3);
	rig_segment(rig, ACK, rig->peer_seq + 1, rig->peer_ack, "bcdefgh", 7);
	rig_segment(rig, ACK, rig->peer_seq, rig->peer_ack, "?????", 5);
	assert_int_equal(session->in_n, 8);
	assert_memory_equal(session->in, "?bcDEFgh", 8);
}

static void random_overlaps(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	uint64_t x = 7;

	for (unsigned i = 0; i < 20000 && session->in_n < 60000; i++) {
		size_t at, len;

		x = x * 6364136223846793005 + 1442695040888963407;
		at = session->in_n + (x >> 40) % 6000;
		len = 1 + (x >> 20) % 1460;
		at = at > 3000 ? at - 3000 : 0;
		if (at + len > 60000)
			len = at < 60000 ? 60000 - at : 1;
		put(rig, at < 60000 ? at : 0, len, 0);
		rig_turn(rig);
		rig_forget_sent(rig);
		assert_true(rig_pattern_at(session->in, session->in_n, 0));
	}
	check_stream(session, 60000);
}

static void nothing_beyond_the_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	put(rig, 65535 - 10, 1000, 0);
	put(rig, 65536, 1000, 0);
	put(rig, 100000, 1000, 0);
	assert_int_equal(rig_stats(rig).window_dropped, 3);
	rig_turn(rig);
	assert_int_equal(session->in_n, 0);
	assert_int_equal(rig->sent[rig->sent_n - 1].ack, rig->peer_seq);
}

/* What the session leaves closes the window; what it takes later opens it, and it is said. */
static void untaken_bytes_close_the_window(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->take_max = 0;
	for (size_t at = 0; at < 65000; at += 1000)
		put(rig, at, 1000, 0);
	rig_turn(rig);
	assert_int_equal(rig->sent[rig->sent_n - 1].ack, rig->peer_seq + 65000);
	assert_true(rig->sent[rig->sent_n - 1].window <= 535);
	put(rig, 65000, 535, 0);
	put(rig, 65535, 1, 0); /* a probe */
	rig_turn(rig);
	assert_int_equal(rig->sent[rig->sent_n - 1].window, 0);
	assert_int_equal(rig->sent[rig->sent_n - 1].ack, rig->peer_seq + 65535);
	rig_forget_sent(rig);
	session->take_max = SIZE_MAX;
	/* Has produce() called, which says DONE and nothing else. */
	tcp_transport(rig->tcp)->ops->wake(tcp_transport(rig->tcp), session->ref);
	rig_turn(rig);
	check_stream(session, 65535);
	assert_int_equal(rig_expect(rig, ACK)->window, 65535);
	rig_silent(rig);
}

/* Ten thousand segments of one byte with holes between them hold no more than their share. */
static void tiny_segments_are_charged_by_memory(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	for (unsigned i = 0; i < 30000; i++) {
		put(rig, 1 + 2 * i, 1, 0);
		rig_forget_sent(rig);
	}
	assert_true(rig_stats(rig).memory_dropped > 29000);
	/* In order goes on all the same. */
	for (size_t at = 0; at < 60000; at += 1000)
		put(rig, at, 1000, 0);
	assert_true(session->in_n >= 60000);
	assert_true(rig_pattern_at(session->in, session->in_n, 0));
}

/* Runs without end, on one connection after the other: the next still finds memory for its own. */
static void hoarders_leave_a_share(void **state)
{
	struct rig *rig = *state;

	rig->peer_options.sack_permitted = true;
	for (unsigned i = 0; i < 7; i++) {
		rig->peer_port++;
		rig_accept(rig);
		for (unsigned k = 0; k < 150; k++) {
			put(rig, 1 + 2 * k, 1, 0);
			rig_forget_sent(rig);
		}
	}
	rig->peer_port++;
	rig_accept(rig);
	put(rig, 100, 100, 0);
	assert_int_equal(rig_expect(rig, ACK)->options.blocks_n, 1);
	put(rig, 300, 100, 0);
	assert_int_equal(rig_expect(rig, ACK)->options.blocks_n, 2);
}

/* The same in order, one byte each, untaken: they are merged, and the window's worth fits. */
static void tiny_segments_in_order_are_merged(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session;

	rig_config.receive_bytes_max = 8192;
	rig_teardown(state);
	rig_config.receive_bytes_max = 8192;
	assert_int_equal(rig_setup(state), 0);
	rig = *state;
	session = rig_accept(rig);
	session->take_max = 0;
	for (size_t at = 0; at < 8192; at += 2) {
		put(rig, at + 1, 1, 0);
		put(rig, at, 1, 0);
		rig_forget_sent(rig);
	}
	assert_int_equal(rig_stats(rig).memory_dropped, 0);
	session->take_max = 100;
	rig_say(rig, session, 1);
	rig_turn(rig);
	session->take_max = SIZE_MAX;
	rig_say(rig, session, 1);
	rig_turn(rig);
	check_stream(session, 8192);
}

static void partial_takes_keep_the_order(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->take_max = 7;
	for (size_t at = 0; at < 20000; at += 500) {
		put(rig, at, 500, PSH);
		rig_turn(rig);
		rig_forget_sent(rig);
	}
	check_stream(session, 20000);
	assert_true(session->offers > 2000);
}

static void end_comes_after_the_last_byte(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	put(rig, 1000, 500, FIN);
	assert_int_equal(session->ended, 0);
	put(rig, 1500, 0, FIN);
	put(rig, 1600, 100, 0); /* beyond the end: nothing */
	put(rig, 1400, 300, 0); /* and across it: no more than up to there */
	assert_int_equal(session->ended, 0);
	put(rig, 0, 1000, 0);
	assert_int_equal(session->ended, 1);
	check_stream(session, 1500);
	rig_turn(rig);
	assert_int_equal(rig->sent[rig->sent_n - 1].ack, rig->peer_seq + 1501);
}

/* Of a session that leaves its input alone one consume() shows 16 pieces; the end waits until it
 * has seen the rest. */
static void end_comes_after_what_is_left_untaken(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);
	const size_t n = 20 * 2024;
	size_t at = 0;

	session->take_max = 0;
	for (; at < n; at += 1012)
		put(rig, at, 1012, PSH);
	put(rig, at, 0, FIN);
	rig_turn(rig);
	assert_in_range(session->seen, 1, n - 1);
	assert_int_equal(session->ended, 0);
	session->take_max = 1500;
	tcp_transport(rig->tcp)->ops->wake(tcp_transport(rig->tcp), session->ref);
	rig_turn(rig);
	assert_int_equal(session->ended, 1);
	assert_int_equal(session->seen_at_end, n);
	check_stream(session, n);
}

static void reads_no_more_after_abort(void **state)
{
	struct rig *rig = *state;
	struct rig_session *session = rig_accept(rig);

	session->abort_in_consume = true;
	put(rig, 0, 100, 0);
	put(rig, 100, 100, 0);
	assert_int_equal(session->offers, 1);
	assert_int_equal(session->closed, 0); /* never from inside of a callback */
	rig_turn(rig);
	assert_int_equal(session->closed, 1);
	assert_int_equal(session->reason, STREAM_ABORTED);
	rig_expect(rig, RST | ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(gaps_are_filled_in_any_order),
		RIG_TEST(duplicates_are_sent_one_by_one),
		RIG_TEST(first_copy_wins),
		RIG_TEST(random_overlaps),
		RIG_TEST(nothing_beyond_the_window),
		RIG_TEST(untaken_bytes_close_the_window),
		RIG_TEST(tiny_segments_are_charged_by_memory),
		RIG_TEST(hoarders_leave_a_share),
		RIG_TEST(tiny_segments_in_order_are_merged),
		RIG_TEST(partial_takes_keep_the_order),
		RIG_TEST(end_comes_after_the_last_byte),
		RIG_TEST(end_comes_after_what_is_left_untaken),
		RIG_TEST(reads_no_more_after_abort),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
