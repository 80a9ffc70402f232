/* SPDX-License-Identifier: Apache-2.0 */
/* The window that is offered, and how soon what comes is acknowledged. */
#include "rig.h"

#include "eal.h"

enum { SHIFT = 7, RTT_MS = 20, MOST = 4 << 20, FIRST_WINDOW = 65535, QUICK = 16 };

static struct rig *rig_of(void **state)
{
	rig_teardown(state);
	rig_config.receive_bytes_max = MOST;
	rig_config.connections_max = 64;
	assert_int_equal(rig_setup(state), 0);
	return *state;
}

/* A connection whose handshake took a round trip. */
static struct rig_session *accept_after_rtt(struct rig *rig)
{
	unsigned before = rig->sessions_n;

	rig_forget_sent(rig);
	rig->peer_options.scaling = true;
	rig->peer_seq = RIG_PEER_ISN;
	rig_next(rig, SYN, NULL, 0);
	rig->peer_ack = rig_expect(rig, SYN | ACK)->seq + 1;
	assert_int_equal(rig->sent[rig->sent_at - 1].options.shift, SHIFT);
	rig->clock.mono_ns += RTT_MS * 1000000ULL;
	rig->peer_options.echo = rig->sent[rig->sent_at - 1].options.value;
	rig_next(rig, ACK, NULL, 0);
	rig_turn(rig);
	rig_forget_sent(rig);
	assert_int_equal(rig->sessions_n, before + 1);
	return &rig->sessions[before];
}

static void put_full(struct rig *rig, uint32_t segments)
{
	static const uint8_t bytes[RIG_MSS];
	size_t len = RIG_MSS - (rig->peer_options.timestamps ? 12U : 0U);

	for (uint32_t i = 0; i < segments; i++)
		rig_next(rig, ACK, bytes, len);
	rig_turn(rig);
}

static uint32_t window_now(const struct rig *rig)
{
	return (uint32_t)rig->sent[rig->sent_n - 1].window << SHIFT;
}

/* The right edge as the peer sees it. */
static uint32_t edge_now(const struct rig *rig)
{
	return rig->sent[rig->sent_n - 1].ack + window_now(rig);
}

/* A peer in slow start is never held back. */
static void window_is_ahead_of_slow_start(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t window = FIRST_WINDOW, segments = 10;

	accept_after_rtt(rig);
	for (unsigned round = 0; round < 4; round++, segments *= 2) {
		assert_true(segments * RIG_MSS <= window);
		put_full(rig, 2);
		window = window_now(rig);
		put_full(rig, segments - 2);
		rig_sleep(rig, RTT_MS + 1);
	}
	put_full(rig, 2);
	assert_true(window_now(rig) >= 2 * segments * RIG_MSS);
	assert_true(window_now(rig) <= MOST);
	assert_true(rig_stats(rig).window_tuned >= 2);
}

static void window_stays_for_a_slow_flow(void **state)
{
	struct rig *rig = rig_of(state);

	accept_after_rtt(rig);
	for (unsigned round = 0; round < 12; round++) {
		put_full(rig, 9);
		rig_sleep(rig, RTT_MS + 1);
	}
	assert_true(window_now(rig) <= FIRST_WINDOW);
	assert_int_equal(rig_stats(rig).window_tuned, 0);
}

static void window_stays_when_nothing_is_taken(void **state)
{
	struct rig *rig = rig_of(state);

	accept_after_rtt(rig)->take_max = 0;
	for (unsigned round = 0; round < 10; round++) {
		put_full(rig, 4);
		rig_sleep(rig, RTT_MS + 1);
	}
	assert_int_equal(rig_stats(rig).window_tuned, 0);
	assert_true(window_now(rig) <= FIRST_WINDOW - 40 * RIG_MSS);
}

/* The handshake was quick, the path now is slow: the echoes say so. Without them the window
 * would be measured over too short a time. */
static void round_trip_from_echoes(void **state)
{
	struct rig *rig = rig_of(state);

	rig->peer_options.timestamps = true;
	rig->peer_options.value = 1;
	accept_after_rtt(rig);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 8; i++) {
			put_full(rig, 4);
			rig_sleep(rig, RTT_MS + 1);
		}
		rig->peer_options.echo = rig->sent[rig->sent_n - 1].options.value;
	}
	/* 32 segments in 8 of the first round trips. */
	assert_true(window_now(rig) > FIRST_WINDOW);
	assert_true(rig_stats(rig).window_tuned > 0);
}

/* Four rounds of slow start, as far as the window goes. */
static void grow(struct rig *rig)
{
	put_full(rig, 2);
	for (uint32_t segments = 10; segments <= 80; segments *= 2) {
		uint32_t most = (edge_now(rig) - rig->peer_seq) / RIG_MSS;

		put_full(rig, segments < most ? segments : most);
		rig_sleep(rig, RTT_MS + 1);
	}
	rig_sleep(rig, 50);
}

/* Sends what the window takes to a session that takes nothing. */
static void fill(struct rig *rig)
{
	uint32_t edge = edge_now(rig);

	while (window_now(rig) >= RIG_MSS) {
		rig_forget_sent(rig);
		put_full(rig, 1);
		rig_sleep(rig, 50);
		/* But for what the scale cannot say. */
		assert_true((int32_t)(edge_now(rig) - edge) > -(1 << SHIFT));
		edge = edge_now(rig);
	}
}

/* What a few do not take leaves less to offer for all; nobody's edge recedes, and what was
 * offered finds memory. */
static void window_shrinks_under_pressure(void **state)
{
	struct rig *rig = rig_of(state);

	for (unsigned i = 0; i < 7; i++) {
		struct rig_session *session;

		rig->peer_port++;
		session = accept_after_rtt(rig);
		grow(rig);
		if (i == 0)
			assert_true(window_now(rig) > 2 * FIRST_WINDOW);
		session->take_max = 0;
		fill(rig);
	}
	assert_int_equal(rig_stats(rig).memory_dropped, 0);
	rig->peer_port++;
	accept_after_rtt(rig);
	for (unsigned i = 0; i < 50; i++) {
		put_full(rig, 1);
		rig_sleep(rig, 50);
	}
	assert_in_range(window_now(rig), 4096 - (1 << SHIFT), FIRST_WINDOW / 2);
}

/* Sixteen at once while the peer's window is small, then every second; and again after a pause. */
static void quick_at_first_and_after_a_pause(void **state)
{
	struct rig *rig = rig_of(state);

	accept_after_rtt(rig);
	for (unsigned i = 0; i < QUICK; i++) {
		put_full(rig, 1);
		rig_expect(rig, ACK);
	}
	put_full(rig, 1);
	rig_silent(rig);
	put_full(rig, 1);
	rig_expect(rig, ACK);
	rig_sleep(rig, 5000);
	put_full(rig, 1);
	rig_expect(rig, ACK);
	put_full(rig, 1);
	rig_expect(rig, ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(window_is_ahead_of_slow_start),
		RIG_TEST(window_stays_for_a_slow_flow),
		RIG_TEST(window_stays_when_nothing_is_taken),
		RIG_TEST(round_trip_from_echoes),
		RIG_TEST(window_shrinks_under_pressure),
		RIG_TEST(quick_at_first_and_after_a_pause),
	};

	rig_defaults();
	if (eal_start(64) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
